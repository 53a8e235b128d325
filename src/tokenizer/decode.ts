import { bytesOfToken } from './byte-level.ts';
import { asArray, asObject, asString } from './json.ts';
import type { JsonRecord } from '../core/index.ts';
import { translatePattern } from './library.ts';
import { SPACE_MARK } from './words.ts';

/** The text of a sequence of token spellings. */
export type TokensToText = (tokens: readonly string[]) => string;

const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD, one for each maximal part of a character. */
export function textOfBytes(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/**
 * The `decoder` of a tokenizer.json as a function; undefined for a kind that is left to @huggingface/tokenizers.
 *
 * ByteLevel joins the bytes of all tokens before it reads them as UTF-8; ByteFallback turns each run of <0x..> tokens that is
 * not UTF-8 as a whole into one U+FFFD a byte. No decoder joins the tokens with spaces.
 *
 * Source: the tokenizer.json format of Hugging Face's `tokenizers` crate, decoders/.
 */
export function compileDecoder(config: unknown): TokensToText | undefined {
  const object = asObject(config);
  if (object === undefined) return (tokens) => tokens.join(' ');
  const step = compileStep(object);
  return step === undefined ? undefined : (tokens) => step(tokens).join('');
}

type Step = (tokens: readonly string[]) => readonly string[];

function compileStep(config: JsonRecord): Step | undefined {
  switch (config.type) {
    case 'ByteLevel':
      return byteLevel;
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Metaspace':
      return metaspace(config);
    case 'Replace':
      return replace(config);
    case 'Strip':
      return strip(config);
    case 'Sequence': {
      const steps = (asArray(config.decoders) ?? []).map((step) => compileStep(asObject(step) ?? {}));
      const known = steps.filter((step) => step !== undefined);
      return known.length === steps.length ? (tokens) => known.reduce((rest, step) => step(rest), tokens) : undefined;
    }
    default:
      return undefined;
  }
}

function byteLevel(tokens: readonly string[]): readonly string[] {
  const parts = tokens.map(bytesOfToken);
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return [textOfBytes(bytes)];
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

function byteFallback(tokens: readonly string[]): readonly string[] {
  const texts: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) texts.push(strictText(Uint8Array.from(run)) ?? '\uFFFD'.repeat(run.length));
    run = [];
  };
  for (const token of tokens) {
    const byte = BYTE_TOKEN.exec(token);
    if (byte !== null) {
      run.push(Number.parseInt(byte[1]!, 16));
      continue;
    }
    flush();
    texts.push(token);
  }
  flush();
  return texts;
}

const strictDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Marks become spaces; the first token loses its marks unless none was ever put in front. */
function metaspace(config: JsonRecord): Step {
  const mark = asString(config.replacement) ?? SPACE_MARK;
  const scheme = asString(config.prepend_scheme) ?? (config.add_prefix_space === false ? 'never' : 'always');
  return (tokens) => tokens.map((token, index) => token.replaceAll(mark, index === 0 && scheme !== 'never' ? '' : ' '));
}

function replace(config: JsonRecord): Step {
  const pattern = translatePattern(config.pattern);
  const content = asString(config.content) ?? '';
  return (tokens) => (pattern === null ? tokens : tokens.map((token) => token.replaceAll(pattern, () => content)));
}

/** Up to `start` and `stop` characters `content` are taken from each end of each token. */
function strip(config: JsonRecord): Step {
  const content = asString(config.content) ?? '';
  const start = typeof config.start === 'number' ? config.start : 0;
  const stop = typeof config.stop === 'number' ? config.stop : 0;
  return (tokens) =>
    tokens.map((token) => {
      const characters = Array.from(token);
      let first = 0;
      let end = characters.length;
      while (first < start && characters[first] === content) first++;
      while (characters.length - end < stop && end > 0 && characters[end - 1] === content) end--;
      return characters.slice(first, Math.max(first, end)).join('');
    });
}
