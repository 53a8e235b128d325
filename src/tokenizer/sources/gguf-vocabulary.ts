import { badInput, type Problem } from '../../core/index.ts';
import { asString } from '../json.ts';
import { MAX_VOCABULARY } from '../special-tokens.ts';

export type GgufTokenType = 'normal' | 'unknown' | 'control' | 'user-defined' | 'unused' | 'byte';

/** The lists of a GGUF file that make its vocabulary, checked. */
export interface GgufVocabulary {
  readonly model: 'gpt2' | 'llama';
  readonly tokens: readonly string[];
  readonly types: readonly GgufTokenType[];
  /** By id; empty for `gpt2`. */
  readonly scores: readonly number[];
  /** Empty for `llama`. */
  readonly merges: readonly (readonly [left: string, right: string])[];
}

/** The numbers of the specification, from 1. */
const TYPES: readonly GgufTokenType[] = ['normal', 'unknown', 'control', 'user-defined', 'unused', 'byte'];

/**
 * Reads tokenizer.ggml.model, tokens, token_type, and scores (`llama`) or merges (`gpt2`). Throws bad-input with all
 * problems: another model, a list that is missing, of another type, of another length than tokens, or longer than
 * MAX_VOCABULARY; a merge that is not two tokens.
 *
 * Source: the GGUF specification, section "Tokenizer".
 */
export function readGgufVocabulary(metadata: ReadonlyMap<string, unknown>): GgufVocabulary {
  const problems: Problem[] = [];
  const report = (path: string, must: string, got: unknown): void => {
    const message = `tokenizer: ${path} must be ${must}, got ${describe(got)}; convert the model to GGUF again`;
    problems.push({ path, message });
  };
  const model = metadata.get('tokenizer.ggml.model');
  if (model !== 'gpt2' && model !== 'llama') report('tokenizer.ggml.model', '"gpt2" or "llama"', model);
  const tokens = stringsAt(metadata, 'tokenizer.ggml.tokens', report);
  const types = numbersAt(metadata, 'tokenizer.ggml.token_type', tokens.length, report);
  if (model === 'llama' && !metadata.has('tokenizer.ggml.scores')) report('tokenizer.ggml.scores', 'a list', undefined);
  if (model === 'gpt2' && !metadata.has('tokenizer.ggml.merges')) report('tokenizer.ggml.merges', 'a list', undefined);
  const scores = model === 'llama' ? numbersAt(metadata, 'tokenizer.ggml.scores', tokens.length, report) : [];
  const merges = model === 'gpt2' ? mergesAt(metadata, report) : [];
  if (problems.length > 0) throw badInput(problems);
  return {
    model: model === 'llama' ? 'llama' : 'gpt2',
    tokens,
    types: tokens.map((_, id) => TYPES[(types[id] ?? 1) - 1] ?? 'normal'),
    scores,
    merges,
  };
}

type Report = (path: string, must: string, got: unknown) => void;

function stringsAt(metadata: ReadonlyMap<string, unknown>, path: string, report: Report): readonly string[] {
  const list = metadata.get(path);
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_VOCABULARY) {
    report(path, `a list of 1 to ${MAX_VOCABULARY} strings`, list);
    return [];
  }
  const strings = list.map(asString);
  const wrong = strings.indexOf(undefined);
  if (wrong < 0) return strings as string[];
  report(`${path}[${wrong}]`, 'a string', list[wrong]);
  return [];
}

/** A list of numbers as long as the vocabulary; empty when the file has none. */
function numbersAt(
  metadata: ReadonlyMap<string, unknown>,
  path: string,
  length: number,
  report: Report,
): readonly number[] {
  const list = metadata.get(path);
  if (list === undefined) return [];
  const numbers = Array.isArray(list) || ArrayBuffer.isView(list) ? Array.from(list as ArrayLike<unknown>, Number) : [];
  if (numbers.length !== length) report(path, `a list of ${length} numbers, one a token`, list);
  const wrong = numbers.findIndex((number) => Number.isNaN(number));
  if (wrong >= 0) report(`${path}[${wrong}]`, 'a number', numbers[wrong]);
  return numbers;
}

function mergesAt(
  metadata: ReadonlyMap<string, unknown>,
  report: Report,
): readonly (readonly [left: string, right: string])[] {
  const list = metadata.get('tokenizer.ggml.merges');
  if (!Array.isArray(list)) return [];
  return list.map((merge, index): readonly [string, string] => {
    // The space that parts the two is the first one that is not the merge's first character.
    const text = asString(merge) ?? '';
    const space = text.indexOf(' ', 1);
    if (space > 0 && space < text.length - 1) return [text.slice(0, space), text.slice(space + 1)];
    report(`tokenizer.ggml.merges[${index}]`, 'two tokens with a space between them', merge);
    return ['', ''];
  });
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return `a list of ${(value as ArrayLike<unknown>).length}`;
  return typeof value === 'bigint' ? value.toString() : (JSON.stringify(value)?.slice(0, 60) ?? typeof value);
}
