import { badInput, type PreftuneError } from '../../core/index.ts';
import type { GgufWriteValue, TokenizerFiles } from '../../formats/index.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import type { GgufMetadata } from './gguf-config.ts';
import { candidatePreTokenizers } from './gguf-pre.ts';
import { tokenizerDifferences, type SampleSet } from '../samples.ts';

type HuggingFaceFiles = Extract<TokenizerFiles, { kind: 'huggingface' }>;
type Json = Readonly<Record<string, unknown>>;

/** llama.cpp's numbers of token types. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;
/** What stands for a space inside the pieces of SentencePiece. */
const SPACE_MARK = '\u2581';

export interface GgufTokenizerOptions {
  readonly files: TokenizerFiles;
  readonly tokenizer: Tokenizer;
  /** Rows of the embedding: ids beyond the vocabulary are filled up. */
  readonly vocabularySize: number;
  readonly samples: SampleSet;
  /** Names of tokenizer.ggml.pre that are tried first. Default: none. */
  readonly preTokenizers?: readonly string[];
  /** general.name of the file, by which llama.cpp knows how tokens of a Phi-3 strip. */
  readonly name?: string;
}

/**
 * A tokenizer and chat template as GGUF metadata. What came from a GGUF file is passed on; a tokenizer.json is written as byte-level BPE
 * (model `gpt2`, its pre-tokenizer found by trying which of llama.cpp's gives the same ids) or as SentencePiece BPE (model `llama`, with scores from
 * the order of merges). Throws bad-input, with what differs, for a tokenizer that GGUF cannot express.
 */
export function ggufTokenizer(options: GgufTokenizerOptions): GgufMetadata {
  const { files } = options;
  if (files.kind === 'gguf') return passedOn(files.metadata);
  if (files.kind !== 'huggingface')
    throw badInput(`gguf: the tokenizer must come as tokenizer.json or from a GGUF file, got ${files.kind}`);
  const json = files.tokenizerJson as Json;
  const model = (json['model'] ?? {}) as Json;
  const type = String(model['type'] ?? 'an unnamed kind');
  if (type !== 'BPE')
    throw badInput(
      `gguf: the tokenizer must be byte-level or SentencePiece BPE, got ${type}; GGUF export does not express it, use --to hf`,
    );
  const plain = tokenEntries(options, json, model);
  return mentions(json['pre_tokenizer'], 'ByteLevel')
    ? byteLevel(options, plain, model)
    : spaceMarked(options, plain, { json, model });
}

/** Metadata that were read without their types, with the types that llama.cpp wants. */
function passedOn(metadata: ReadonlyMap<string, unknown>): GgufMetadata {
  return new Map(
    [...metadata].flatMap(([key, value]): [string, GgufWriteValue][] => {
      if (typeof value === 'string') return [[key, { type: 'string', value }]];
      if (typeof value === 'boolean') return [[key, { type: 'bool', value }]];
      if (typeof value === 'number') return [[key, { type: value < 0 ? 'int32' : 'uint32', value }]];
      if (!Array.isArray(value)) return [];
      if (value.every((one) => typeof one === 'string')) return [[key, { type: 'strings', value }]];
      return [[key, { type: key.endsWith('scores') ? 'float32s' : 'int32s', value: value as number[] }]];
    }),
  );
}

/** Whether a part of tokenizer.json is, or holds, one of a type. */
function mentions(part: unknown, type: string): boolean {
  if (typeof part !== 'object' || part === null) return false;
  return (part as Json)['type'] === type || Object.values(part).some((inner) => mentions(inner, type));
}

interface PlainVocabulary {
  readonly tokens: string[];
  readonly types: number[];
}

interface AddedEntry {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

function tokenEntries({ vocabularySize, files }: GgufTokenizerOptions, json: Json, model: Json): PlainVocabulary {
  const tokens = Array.from({ length: vocabularySize }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: vocabularySize }, () => UNUSED);
  for (const [token, id] of Object.entries((model['vocab'] ?? {}) as Record<string, number>)) {
    tokens[id] = token;
    types[id] = model['byte_fallback'] === true && /^<0x[\dA-F]{2}>$/.test(token) ? BYTE : NORMAL;
  }
  const config = files.kind === 'huggingface' ? files.tokenizerConfig : undefined;
  const inConfig = Object.entries((config?.['added_tokens_decoder'] ?? {}) as Record<string, Json>).map(
    ([id, token]) => ({
      id: Number(id),
      content: String(token['content']),
      special: token['special'] === true,
    }),
  );
  for (const { id, content, special } of [...inConfig, ...((json['added_tokens'] ?? []) as AddedEntry[])]) {
    tokens[id] = content;
    types[id] = special ? CONTROL : USER_DEFINED;
  }
  return { tokens, types };
}

function mergesOf(model: Json): string[] {
  return ((model['merges'] ?? []) as (string | readonly [string, string])[]).map((merge) =>
    typeof merge === 'string' ? merge : merge.join(' '),
  );
}

/** Ids, what stands around a text, and the template: the same for both kinds. */
function common({ tokenizer, files }: GgufTokenizerOptions, { tokens, types }: PlainVocabulary): GgufMetadata {
  const { bosId, eosId, padId, stopIds, chatTemplate } = tokenizer;
  const around = tokenizer.encode('');
  const unknown = unknownToken(files as HuggingFaceFiles);
  const ids: readonly (readonly [string, number | undefined])[] = [
    ['bos', bosId],
    ['eos', eosId],
    ['padding', padId],
    ['unknown', unknown === undefined ? undefined : Math.max(0, tokens.indexOf(unknown))],
    ['eot', stopIds.find((id) => id !== eosId && types[id] === CONTROL && isTurnEnd(tokenizer, id))],
  ];
  return new Map<string, GgufWriteValue>([
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    ['tokenizer.ggml.token_type', { type: 'int32s', value: types }],
    ...ids.flatMap(([name, value]): [string, GgufWriteValue][] =>
      value === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, { type: 'uint32', value }]],
    ),
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: bosId !== undefined && around[0] === bosId }],
    [
      'tokenizer.ggml.add_eos_token',
      {
        type: 'bool',
        value:
          eosId !== undefined && around.length > 0 && around.at(-1) === eosId && (around.length > 1 || bosId !== eosId),
      },
    ],
    ...(chatTemplate === undefined
      ? []
      : [['tokenizer.chat_template', { type: 'string', value: chatTemplate.source }] as [string, GgufWriteValue]]),
  ]);
}

/** Whether a stop token stands behind an assistant's answer in the template; others end texts, not turns. */
function isTurnEnd({ chatTemplate, tokenText }: Tokenizer, id: number): boolean {
  return chatTemplate?.source.includes(tokenText(id)) === true;
}

function unknownToken({ tokenizerJson, tokenizerConfig }: HuggingFaceFiles): string | undefined {
  const model = ((tokenizerJson as Json)['model'] ?? {}) as Json;
  const named = model['unk_token'] ?? tokenizerConfig?.['unk_token'];
  if (typeof named === 'string') return named;
  const content = (named as Json | null | undefined)?.['content'];
  return typeof content === 'string' ? content : undefined;
}

function byteLevel(options: GgufTokenizerOptions, vocabulary: PlainVocabulary, model: Json): GgufMetadata {
  const metadata = common(options, vocabulary);
  metadata.set('tokenizer.ggml.model', { type: 'string', value: 'gpt2' });
  metadata.set('tokenizer.ggml.merges', { type: 'strings', value: mergesOf(model) });
  let closest: readonly string[] | undefined;
  const json = (options.files as HuggingFaceFiles).tokenizerJson as Json;
  for (const pre of candidatePreTokenizers(json, options.preTokenizers ?? [])) {
    metadata.set('tokenizer.ggml.pre', { type: 'string', value: pre });
    const differences = differencesOf(metadata, options);
    if (differences.length === 0) return metadata;
    if (closest === undefined || differences.length < closest.length) closest = differences;
  }
  throw inexpressible("how the tokenizer cuts text must be one of llama.cpp's ways", closest ?? []);
}

function spaceMarked(
  options: GgufTokenizerOptions,
  vocabulary: PlainVocabulary,
  { json, model }: { readonly json: Json; readonly model: Json },
): GgufMetadata {
  if (model['byte_fallback'] !== true)
    throw badInput(
      'gguf: a BPE tokenizer must be byte-level or have byte_fallback, got neither; GGUF cannot express it, use --to hf',
    );
  const unknown = unknownToken(options.files as HuggingFaceFiles);
  const types = vocabulary.types.map((type, id) => (vocabulary.tokens[id] === unknown ? UNKNOWN : type));
  // llama.cpp looks for tokens of users in the text as it is, and writes them as they are.
  const known = new Set(vocabulary.tokens);
  const tokens = vocabulary.tokens.map((token, id) => {
    const plain = token.replaceAll(SPACE_MARK, ' ');
    // It stops at a file that has one token twice.
    return types[id] === USER_DEFINED && !known.has(plain) ? plain : token;
  });
  const metadata = common(options, { tokens, types });
  const merges = mergesOf(model);
  const ranks = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const made = merge.replace(' ', '');
    if (!ranks.has(made)) ranks.set(made, rank);
  }
  const scores = vocabulary.tokens.map((token, id) =>
    types[id] === NORMAL ? -(ranks.get(token) ?? merges.length + id) : 0,
  );
  metadata.set('tokenizer.ggml.model', { type: 'string', value: 'llama' });
  metadata.set('tokenizer.ggml.pre', { type: 'string', value: 'default' });
  metadata.set('tokenizer.ggml.scores', { type: 'float32s', value: scores });
  const hasPrefix =
    mentions(json['normalizer'], 'Prepend') ||
    /"prepend_scheme":"(first|always)"/.test(JSON.stringify(json['pre_tokenizer'] ?? null));
  metadata.set('tokenizer.ggml.add_space_prefix', { type: 'bool', value: hasPrefix });
  const differences = differencesOf(metadata, options);
  if (differences.length > 0)
    throw inexpressible("the tokenizer must join pieces in SentencePiece's order", differences);
  return metadata;
}

function inexpressible(must: string, differences: readonly string[]): PreftuneError {
  return badInput(
    `gguf: ${must}, it does not: ${differences.slice(0, 2).join('; ')}; GGUF cannot express it, use --to hf or onnx`,
  );
}

/** What our own reader of GGUF tokenizers does otherwise than the source. GGUF has no normaliser, so texts that one would change do not count. */
function differencesOf(metadata: GgufMetadata, options: GgufTokenizerOptions): readonly string[] {
  const { tokenizer, samples, files, name } = options;
  const values = [...metadata].map(([key, entry]) => [key, entry.value as unknown] as const);
  const plain = new Map<string, unknown>([['general.name', name], ...values]);
  const stops = tokenizer.stopIds.filter((id) => id !== tokenizer.eosId);
  const rebuilt = createTokenizer(
    { kind: 'gguf', metadata: plain },
    { eosTokenId: stops, templateTime: tokenizer.chatTemplate?.clock?.time },
  );
  const normalises = files.kind === 'huggingface' && mentions((files.tokenizerJson as Json)['normalizer'], 'NFC');
  return tokenizerDifferences(rebuilt, tokenizer, samples, normalises ? 'NFC' : undefined);
}
