import { badInput, localTimeOf, type Problem } from '../../core/index.ts';
import type { TokenizerFiles } from '../../formats/index.ts';
import type { AddedToken } from '../added-tokens.ts';
import { assembleTokenizer, type SpecialIds } from '../assemble.ts';
import { createBpe } from '../bpe.ts';
import { compileDecoder } from '../decode.ts';
import { GGUF_PRE_TOKENIZERS, type GgufPreTokenizer } from './gguf-pre-tokenizers.ts';
import { readGgufVocabulary, type GgufVocabulary } from './gguf-vocabulary.ts';
import type { TokenizerOptions } from './huggingface.ts';
import { asBoolean, asId, asIds, asString } from '../json.ts';
import type { Surround } from '../post-process.ts';
import { compilePreTokenizer } from '../pre-tokenize.ts';
import { stripsBehind, stripsByName } from './phi3-stripping.ts';
import { createSentencePiece } from './sentencepiece.ts';
import { collectStopIds, endOfTurnId } from '../stop-ids.ts';
import { findTemplate } from '../template-source.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { SPACE_MARK } from '../words.ts';

type GgufFiles = Extract<TokenizerFiles, { kind: 'gguf' }>;
type Metadata = GgufFiles['metadata'];

/** Ids of llama.cpp's SentencePiece vocabularies where the file does not name them. */
const SENTENCEPIECE_DEFAULTS = { bos: 1, eos: 2, unknown: 0 };

/**
 * The tokenizer that a GGUF file's metadata describe: model `gpt2` (byte-level BPE with merges, cut by the pattern that
 * tokenizer.ggml.pre names) or `llama` (SentencePiece BPE by score, with byte fallback).
 *
 * Control and user-defined tokens in a text are recognised. With add_space_prefix a `llama` vocabulary puts a space in front
 * of the text and behind each of these tokens, as llama.cpp does. BOS and EOS are added as add_bos_token and
 * add_eos_token say, by default as llama.cpp does for the kind of vocabulary. Stop ids are EOS, the file's end of turn
 * (eot_token_id, eom_token_id), `eosTokenId`, and the token with which the chat template closes an assistant turn.
 *
 * Throws bad-input with all problems: another model, an unknown pre-tokenizer (by name), missing, mistyped or unequal lists.
 *
 * Source: the GGUF specification, section "Tokenizer"; defaults as in llama.cpp's src/llama-vocab.cpp. White space
 * behind Phi-3's special tokens is stripped as there, by the model's name (general.name).
 */
export function createGgufTokenizer(files: GgufFiles, options: TokenizerOptions = {}): Tokenizer {
  const { metadata } = files;
  const vocabulary = readGgufVocabulary(metadata);
  const isSentencePiece = vocabulary.model === 'llama';
  const pre = isSentencePiece ? undefined : preTokenizerOf(metadata);
  const special = specialIds(metadata, vocabulary.tokens.length, isSentencePiece);
  const templateTime = options.templateTime ?? localTimeOf(new Date());
  const named = namedTokens(vocabulary, special);
  const chatTemplate = findTemplate(undefined, metadata.get('tokenizer.chat_template'), named, templateTime);
  const addedTokens = addedTokensOf(vocabulary, stripsByName(metadata.get('general.name')));
  const addSpacePrefix = asBoolean(metadata.get('tokenizer.ggml.add_space_prefix')) ?? isSentencePiece;
  const surround = surroundOf(metadata, special, isSentencePiece || pre?.addBos === true);
  const idKeys = ['eot_token_id', 'eom_token_id'];
  return assembleTokenizer({
    tokens: vocabulary.tokens,
    addedTokens,
    encodePlain:
      pre === undefined
        ? sentencePieceEncoder(vocabulary, special.unknownId, addSpacePrefix)
        : bytePairEncoder(vocabulary, pre),
    decodeTokens: compileDecoder(pre === undefined ? sentencePieceDecoder(addSpacePrefix) : { type: 'ByteLevel' })!,
    surround,
    special: { bosId: special.bosId, eosId: special.eosId, padId: special.padId },
    stopIds: collectStopIds(
      special.eosId,
      endOfTurnId(chatTemplate, addedTokens),
      ...idKeys.flatMap((key) => asIds(metadata.get(`tokenizer.ggml.${key}`))),
      ...asIds(options.eosTokenId),
    ),
    chatTemplate,
    sources: {
      vocabulary,
      pre,
      addSpacePrefix,
      named,
      chatTemplate: chatTemplate?.source,
    },
  });
}

function preTokenizerOf(metadata: Metadata): GgufPreTokenizer {
  const name = metadata.get('tokenizer.ggml.pre');
  const found = GGUF_PRE_TOKENIZERS.get(asString(name) ?? 'default');
  if (found !== undefined) return found;
  throw badInput({
    path: 'tokenizer.ggml.pre',
    message: `tokenizer: tokenizer.ggml.pre must be one of ${Array.from(GGUF_PRE_TOKENIZERS.keys()).join(', ')}, got ${JSON.stringify(name)}; use the model's Hugging Face folder instead`,
  });
}

interface GgufSpecialIds extends SpecialIds {
  readonly unknownId: number | undefined;
}

function specialIds(metadata: Metadata, size: number, isSentencePiece: boolean): GgufSpecialIds {
  const problems: Problem[] = [];
  const read = (key: string, byDefault: number): number | undefined => {
    const path = `tokenizer.ggml.${key}`;
    const value = metadata.get(path);
    if (value === undefined) return isSentencePiece && byDefault < size && byDefault >= 0 ? byDefault : undefined;
    const id = asId(value);
    if (id !== undefined && id < size) return id;
    const message = `tokenizer: ${path} must be a token id from 0 to ${size - 1}, got ${String(value)}; the file is damaged`;
    problems.push({ path, message });
    return undefined;
  };
  const ids = {
    bosId: read('bos_token_id', SENTENCEPIECE_DEFAULTS.bos),
    eosId: read('eos_token_id', SENTENCEPIECE_DEFAULTS.eos),
    unknownId: read('unknown_token_id', SENTENCEPIECE_DEFAULTS.unknown),
    padId: read('padding_token_id', -1),
  };
  if (problems.length > 0) throw badInput(problems);
  return ids;
}

function namedTokens({ tokens }: GgufVocabulary, ids: GgufSpecialIds): Readonly<Record<string, string>> {
  const names = [
    ['bos_token', ids.bosId],
    ['eos_token', ids.eosId],
    ['unk_token', ids.unknownId],
    ['pad_token', ids.padId],
  ] as const;
  return Object.fromEntries(names.flatMap(([name, id]) => (id === undefined ? [] : [[name, tokens[id]!]])));
}

/** Control tokens (special) and user-defined ones; SentencePiece's unknown token is one of the former. */
function addedTokensOf({ tokens, types }: GgufVocabulary, strips: boolean): readonly AddedToken[] {
  const shape = { lstrip: false, singleWord: false, normalized: false };
  return tokens.flatMap((content, id) => {
    const type = types[id];
    const special = type === 'control' || type === 'unknown';
    return special || type === 'user-defined'
      ? [{ id, content, special, rstrip: strips && stripsBehind(content), ...shape }]
      : [];
  });
}

function surroundOf(metadata: Metadata, { bosId, eosId }: SpecialIds, addBosByDefault: boolean): Surround {
  const addBos = asBoolean(metadata.get('tokenizer.ggml.add_bos_token')) ?? addBosByDefault;
  const addEos = asBoolean(metadata.get('tokenizer.ggml.add_eos_token')) ?? false;
  return {
    before: addBos && bosId !== undefined ? [bosId] : [],
    after: addEos && eosId !== undefined ? [eosId] : [],
  };
}

type PlainEncoder = (text: string, atStart: boolean, into: number[]) => void;

function bytePairEncoder({ tokens, merges }: GgufVocabulary, pre: GgufPreTokenizer): PlainEncoder {
  const { split, byteLevel } = compilePreTokenizer({
    type: 'Sequence',
    pretokenizers: [
      ...pre.patterns.map((pattern) => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated' })),
      { type: 'ByteLevel', use_regex: false },
    ],
  });
  const encodePiece = createBpe({
    vocabulary: new Map(tokens.map((token, id) => [token, id])),
    merges,
    byteLevel,
    byteFallback: false,
    ignoreMerges: pre.ignoreMerges,
    unknownId: undefined,
    fuseUnknown: false,
  });
  return (text, atStart, into) => {
    for (const piece of split(text, atStart)) encodePiece(piece, into);
  };
}

function sentencePieceEncoder(
  { tokens, scores }: GgufVocabulary,
  unknownId: number | undefined,
  addSpacePrefix: boolean,
): PlainEncoder {
  const encode = createSentencePiece({ tokens, scores, unknownId });
  return (text, _atStart, into) => encode((addSpacePrefix ? SPACE_MARK : '') + text.replaceAll(' ', SPACE_MARK), into);
}

function sentencePieceDecoder(stripSpace: boolean): object {
  const strip = stripSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: SPACE_MARK }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      ...strip,
    ],
  };
}
