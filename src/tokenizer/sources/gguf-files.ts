import { badInput } from '../../core/index.ts';
import type { TokenizerFiles } from '../../formats/index.ts';
import { GGUF_PRE_TOKENIZERS } from './gguf-pre-tokenizers.ts';
import { readGgufVocabulary, type GgufVocabulary } from './gguf-vocabulary.ts';
import { createGgufTokenizer } from './gguf.ts';
import { stripsBehind, stripsByName } from './phi3-stripping.ts';
import { asBoolean, asId, asString } from '../json.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { SPACE_MARK } from '../words.ts';

type Metadata = ReadonlyMap<string, unknown>;

/**
 * The files of a Hugging Face folder, by name, for a tokenizer that came as GGUF metadata: tokenizer.json and tokenizer_config.json that give the
 * same ids, special tokens and rendered chats.
 *
 * Throws bad-input for the other kinds, and what createTokenizer throws. Two tokens of equal score whose merges overlap are joined in the order of
 * their ids, where SentencePiece takes the leftmost.
 *
 * Source: the tokenizer.json format of Hugging Face's `tokenizers` crate; merges from scores as Transformers' SentencePieceExtractor derives them.
 */
export function tokenizerFilesOf(files: TokenizerFiles): Readonly<Record<string, string>> {
  if (files.kind !== 'gguf')
    throw badInput(`tokenizer: it must come from a GGUF file to be written as tokenizer.json, got ${files.kind}`);
  const { metadata } = files;
  const vocabulary = readGgufVocabulary(metadata);
  const tokenizer = createGgufTokenizer(files);
  const added = addedTokens(vocabulary, stripsByName(metadata.get('general.name')));
  const parts =
    vocabulary.model === 'gpt2' ? byteLevelParts(metadata, vocabulary) : spaceMarkParts(metadata, vocabulary);
  const tokenizerJson = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    ...parts,
    post_processor: postProcessor(tokenizer),
  };
  return {
    'tokenizer.json': `${JSON.stringify(tokenizerJson, null, 1)}\n`,
    'tokenizer_config.json': `${JSON.stringify(configOf(metadata, tokenizer, vocabulary), null, 2)}\n`,
  };
}

function addedTokens({ tokens, types }: GgufVocabulary, strips: boolean): object[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    const special = type === 'control' || type === 'unknown';
    if (!special && type !== 'user-defined') return [];
    const rstrip = strips && stripsBehind(content);
    return [{ id, content, single_word: false, lstrip: false, rstrip, normalized: false, special }];
  });
}

/** Ids by token; of two tokens with one spelling the first counts, as it does for the encoders. */
function vocabularyObject({ tokens }: GgufVocabulary): Record<string, number> {
  const ids: Record<string, number> = Object.create(null) as Record<string, number>;
  tokens.forEach((token, id) => (ids[token] ??= id));
  return ids;
}

function byteLevelParts(metadata: Metadata, vocabulary: GgufVocabulary): object {
  const pre = GGUF_PRE_TOKENIZERS.get(asString(metadata.get('tokenizer.ggml.pre')) ?? 'default')!;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        ...pre.patterns.map((pattern) => ({
          type: 'Split',
          pattern: { Regex: pattern },
          behavior: 'Isolated',
          invert: false,
        })),
        byteLevel,
      ],
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: vocabularyObject(vocabulary),
      merges: vocabulary.merges,
    },
  };
}

function spaceMarkParts(metadata: Metadata, vocabulary: GgufVocabulary): object {
  const hasPrefix = asBoolean(metadata.get('tokenizer.ggml.add_space_prefix')) ?? true;
  const unknown = asId(metadata.get('tokenizer.ggml.unknown_token_id')) ?? 0;
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(hasPrefix ? [{ type: 'Prepend', prepend: SPACE_MARK }] : []),
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE_MARK },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE_MARK }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(hasPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: vocabulary.tokens[unknown] ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabularyObject(vocabulary),
      merges: mergesOfScores(vocabulary),
    },
  };
}

/** Every way to make a token of two others, the token of the highest score first. */
function mergesOfScores({ tokens, scores }: GgufVocabulary): (readonly [string, string])[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const order = tokens.map((_, id) => id).toSorted((a, b) => scores[b]! - scores[a]! || a - b);
  return order.flatMap((id) => {
    const token = tokens[id]!;
    const pairs: (readonly [string, string])[] = [];
    let left = '';
    for (const character of token) {
      if (left !== '') {
        const right = token.slice(left.length);
        if (ids.has(left) && ids.has(right)) pairs.push([left, right]);
      }
      left += character;
    }
    return pairs;
  });
}

/** What the tokenizer puts around a text, found by asking it. */
function postProcessor(tokenizer: Tokenizer): object | null {
  const { bosId, eosId } = tokenizer;
  const around = tokenizer.encode('');
  const isBefore = bosId !== undefined && around[0] === bosId;
  const isAfter = eosId !== undefined && around.length > (isBefore ? 1 : 0) && around.at(-1) === eosId;
  const ids = [...(isBefore ? [bosId] : []), ...(isAfter ? [eosId] : [])];
  if (ids.length === 0) return null;
  const item = (id: number, type: number) => ({ SpecialToken: { id: tokenizer.tokenText(id), type_id: type } });
  const surrounded = (name: string, type: number): object[] => [
    ...(isBefore ? [item(bosId, type)] : []),
    { Sequence: { id: name, type_id: type } },
    ...(isAfter ? [item(eosId, type)] : []),
  ];
  return {
    type: 'TemplateProcessing',
    single: surrounded('A', 0),
    pair: [...surrounded('A', 0), ...surrounded('B', 1)],
    special_tokens: Object.fromEntries(
      ids.map((id) => {
        const text = tokenizer.tokenText(id);
        return [text, { id: text, ids: [id], tokens: [text] }];
      }),
    ),
  };
}

function configOf(metadata: Metadata, tokenizer: Tokenizer, { tokens }: GgufVocabulary): object {
  const { bosId, eosId, padId, chatTemplate } = tokenizer;
  const unknownId = asId(metadata.get('tokenizer.ggml.unknown_token_id'));
  const named = { bos_token: bosId, eos_token: eosId, pad_token: padId, unk_token: unknownId };
  const names = Object.entries(named).flatMap(([name, id]) => (id === undefined ? [] : [[name, tokens[id]!] as const]));
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...Object.fromEntries(names),
    ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate.source }),
  };
}
