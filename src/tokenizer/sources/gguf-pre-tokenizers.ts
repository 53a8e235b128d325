import { GPT2_PATTERN } from '../pre-tokenize.ts';

/** How a byte-level vocabulary in a GGUF file cuts text, under the name that tokenizer.ggml.pre gives it. */
export interface GgufPreTokenizer {
  /** Applied one after the other: each cuts the pieces that the one before left. */
  readonly patterns: readonly string[];
  readonly ignoreMerges: boolean;
  /** Whether BOS goes in front of a text where tokenizer.ggml.add_bos_token does not say. */
  readonly addBos: boolean;
}

const CONTRACTIONS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const WORD = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const REST_WITH_SLASH = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const LEAD = String.raw`[^\r\n\p{L}\p{N}]?`;

const LLAMA_3 = String.raw`${CONTRACTIONS}|${WORD}|\p{N}{1,3}|${REST}`;
const QWEN_2 = String.raw`${CONTRACTIONS}|${WORD}|\p{N}|${REST}`;
const TEKKEN = String.raw`${LEAD}${UPPER}*${LOWER}+|${LEAD}${UPPER}+${LOWER}*|\p{N}|${REST_WITH_SLASH}`;
const GPT_4O = String.raw`${LEAD}${UPPER}*${LOWER}+${CONTRACTIONS}?|${LEAD}${UPPER}+${LOWER}*${CONTRACTIONS}?|\p{N}{1,3}|${REST_WITH_SLASH}`;
const DEEPSEEK_3 = String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const QWEN_35 = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const PUNCTUATION = String.raw`[\p{P}$+<=>^~|]+`;

function plain(...patterns: readonly string[]): GgufPreTokenizer {
  return { patterns, ignoreMerges: false, addBos: false };
}

const GPT_2 = plain(GPT2_PATTERN);
const DIGITS_APART = plain(String.raw`\p{N}`, GPT2_PATTERN);
const LLAMA_3_LIKE: GgufPreTokenizer = { patterns: [LLAMA_3], ignoreMerges: true, addBos: true };

/**
 * The pre-tokenizers of byte-level GGUF vocabularies by name.
 *
 * Source: the names, patterns and defaults that llama.cpp gives them (src/llama-vocab.cpp); where it approximates a model's
 * own pattern for its regular expression engine (tekken, gpt-4o), the model's own stands here.
 */
export const GGUF_PRE_TOKENIZERS: ReadonlyMap<string, GgufPreTokenizer> = new Map<string, GgufPreTokenizer>([
  ['default', plain(PUNCTUATION, GPT2_PATTERN, String.raw`\p{N}+`, '[0-9][0-9][0-9]')],
  ['gpt-2', GPT_2],
  ['phi-2', GPT_2],
  ['mpt', GPT_2],
  ['olmo', GPT_2],
  ['jais', GPT_2],
  ['trillion', GPT_2],
  ['granite-docling', GPT_2],
  ['exaone4', GPT_2],
  ['smollm', DIGITS_APART],
  ['starcoder', DIGITS_APART],
  ['refact', DIGITS_APART],
  ['command-r', DIGITS_APART],
  ['codeshell', DIGITS_APART],
  ['exaone', DIGITS_APART],
  ['minerva-7b', DIGITS_APART],
  ['falcon', plain(String.raw`[\p{P}$+<=>^~|${'`'}]+`, GPT2_PATTERN, '[0-9][0-9][0-9]')],
  ['llama-bpe', LLAMA_3_LIKE],
  ['llama3', LLAMA_3_LIKE],
  ['llama-v3', LLAMA_3_LIKE],
  ['falcon3', LLAMA_3_LIKE],
  ['pixtral', LLAMA_3_LIKE],
  ['lfm2', LLAMA_3_LIKE],
  ['dbrx', plain(LLAMA_3)],
  ['smaug-bpe', plain(LLAMA_3)],
  ['chatglm-bpe', plain(LLAMA_3)],
  ['qwen2', plain(QWEN_2)],
  ['stablelm2', plain(QWEN_2)],
  ['deepseek-r1-qwen', plain(QWEN_2)],
  ['megrez', plain(QWEN_2)],
  ['hunyuan', plain(QWEN_2)],
  ['qwen35', plain(QWEN_35)],
  ['tekken', { patterns: [TEKKEN], ignoreMerges: true, addBos: true }],
  ['gpt-4o', plain(GPT_4O)],
  ['llama4', plain(GPT_4O)],
  ['deepseek-v3', plain(String.raw`\p{N}{1,3}`, '[一-龥぀-ゟ゠-ヿ]+', DEEPSEEK_3)],
]);
