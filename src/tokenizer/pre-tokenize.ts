import { asArray, asBoolean, asObject, asString } from './json.ts';
import type { JsonRecord } from '../core/index.ts';
import { createLibraryTokenizer, translatePattern } from './library.ts';

/** Cuts a text into the pieces that are tokenised one by one. `atStart` says that the text begins the whole input. */
export type PreTokenizer = (text: string, atStart: boolean) => readonly string[];

export interface CompiledPreTokenizer {
  readonly split: PreTokenizer;
  /** The pieces are still plain text and have to be spelled as bytes. */
  readonly byteLevel: boolean;
}

/** What GPT-2 cuts its text with; the end `|\s+` catches white space at the end of the text. */
export const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * The `pre_tokenizer` of a tokenizer.json as a function.
 *
 * Split, ByteLevel, Digits, Metaspace and sequences of them follow Hugging Face's Rust crate in full (all behaviours of
 * Split, Unicode's White_Space where JavaScript's \s differs in U+0085 and U+FEFF); patterns are translated by
 * @huggingface/tokenizers. Other kinds are run by that library. Throws what the library throws on a pattern that it cannot
 * translate or a kind that it does not know.
 *
 * Source: the tokenizer.json format of Hugging Face's `tokenizers` crate, pre_tokenizers/.
 */
export function compilePreTokenizer(config: unknown): CompiledPreTokenizer {
  const steps = flatten(asObject(config));
  const byteLevel = steps.at(-1)?.type === 'ByteLevel';
  const compiled = steps.flatMap((step, index) =>
    byteLevel && index === steps.length - 1 ? byteLevelSteps(step) : [compileStep(step)],
  );
  const split: PreTokenizer = (text, atStart) => {
    let pieces: readonly string[] = [text];
    compiled.forEach((step) => {
      // Only the first piece of a text that begins the input begins it too.
      pieces =
        pieces.length === 1
          ? step(pieces[0]!, atStart)
          : pieces.flatMap((piece, index) => step(piece, atStart && index === 0));
    });
    return pieces;
  };
  return { split, byteLevel };
}

function flatten(config: JsonRecord | undefined): readonly JsonRecord[] {
  if (config === undefined) return [];
  if (config.type !== 'Sequence') return [config];
  return (asArray(config.pretokenizers) ?? []).flatMap((step) => flatten(asObject(step)));
}

/** ByteLevel at the end, but for the spelling of the bytes. In front of other steps the library runs it. */
function byteLevelSteps(config: JsonRecord): readonly PreTokenizer[] {
  return [
    ...(asBoolean(config.add_prefix_space) === true ? [withPrefixSpace] : []),
    ...(asBoolean(config.use_regex) === false ? [] : [splitter({ pattern: { Regex: GPT2_PATTERN } })]),
  ];
}

function withPrefixSpace(text: string): readonly string[] {
  return [text.startsWith(' ') ? text : ` ${text}`];
}

function compileStep(config: JsonRecord): PreTokenizer {
  switch (config.type) {
    case 'Split':
      return splitter(config);
    case 'Digits': {
      const each = asBoolean(config.individual_digits) === true;
      return splitter({ pattern: { Regex: each ? String.raw`\p{N}` : String.raw`\p{N}+` } });
    }
    case 'Metaspace':
      return metaspace(config);
    default:
      return fromLibrary(config);
  }
}

/** Cuts at the matches of a pattern. Source: `SplitDelimiterBehavior` of the `tokenizers` crate. */
function splitter(config: JsonRecord): PreTokenizer {
  const pattern = translatePattern(config.pattern);
  const behavior = (asString(config.behavior) ?? 'Isolated').toLowerCase().replaceAll('_', '');
  const invert = asBoolean(config.invert) === true;
  return (text) => {
    if (pattern === null || text.length === 0) return [text];
    const pieces: string[] = [];
    let matched = false;
    const add = (start: number, end: number, isMatch: boolean): void => {
      if (start === end) return;
      const delimiter = isMatch !== invert;
      const piece = text.slice(start, end);
      const joins =
        pieces.length > 0 &&
        ((behavior === 'contiguous' && delimiter === matched) ||
          (behavior === 'mergedwithprevious' && delimiter && !matched) ||
          (behavior === 'mergedwithnext' && !delimiter && matched));
      matched = delimiter;
      if (behavior === 'removed' && delimiter) return;
      if (joins) pieces[pieces.length - 1] += piece;
      else pieces.push(piece);
    };
    let end = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const start = match.index;
      const stop = pattern.lastIndex;
      if (stop === start) {
        pattern.lastIndex = stop + 1;
        continue;
      }
      add(end, start, false);
      add(start, stop, true);
      end = stop;
    }
    add(end, text.length, false);
    return pieces;
  };
}

/** Spaces as U+2581, one put in front where the scheme says so, and a cut before each unless `split` is false. */
function metaspace(config: JsonRecord): PreTokenizer {
  const mark = asString(config.replacement) ?? '\u2581';
  const scheme = asString(config.prepend_scheme) ?? (config.add_prefix_space === false ? 'never' : 'always');
  const cut =
    asBoolean(config.split) === false ? undefined : splitter({ pattern: { String: mark }, behavior: 'MergedWithNext' });
  return (text, atStart) => {
    const marked = text.replaceAll(' ', mark);
    const prefix = (scheme === 'always' || (scheme === 'first' && atStart)) && !marked.startsWith(mark) ? mark : '';
    return cut === undefined ? [prefix + marked] : cut(prefix + marked, atStart);
  };
}

function fromLibrary(config: JsonRecord): PreTokenizer {
  const { pre_tokenizer: library } = createLibraryTokenizer({ pre_tokenizer: config });
  return (text) => (library === null ? [text] : library(text));
}
