import { badInput, isObject, type PreftuneError, type Problem } from '../core/index.ts';

/** Why a record or row is refused. The counts of a report are kept under these names. */
export type ProblemReason =
  | 'invalid-json'
  | 'invalid-utf8'
  | 'broken-text'
  | 'invalid-csv'
  | 'ragged-row'
  | 'record-too-long'
  | 'nested-too-deep'
  | 'not-an-object'
  | 'missing-field'
  | 'wrong-type'
  | 'unread-field'
  | 'unknown-role'
  | 'turn-order'
  | 'empty-prompt'
  | 'empty-answer'
  | 'identical-sides'
  | 'no-shared-prompt'
  | 'prompt-differs'
  | 'too-few-answers'
  | 'undecided'
  | 'cannot-hold'
  | 'template-failed';

/** What is wrong inside one record: the field, and a message that says what must hold and what was found. */
export interface FieldProblem {
  readonly reason: ProblemReason;
  /** Dotted path such as chosen.1.role; undefined when the record as a whole is wrong. */
  readonly path?: string;
  readonly message: string;
}

/** A problem with its place in a file. */
export interface RecordProblem extends Problem {
  readonly reason: ProblemReason;
}

/** How many problems a collector keeps; the rest is only counted. */
export const MAX_KEPT_PROBLEMS = 100;

/** All problems of a data set in constant memory: the first MAX_KEPT_PROBLEMS of them, and counts by reason. */
export interface ProblemLog {
  /** The first problems, in file order. */
  readonly kept: readonly RecordProblem[];
  /** Problems in all, by reason. */
  readonly counts: Readonly<Partial<Record<ProblemReason, number>>>;
  readonly total: number;
  add(problem: RecordProblem): void;
  /** One bad-input error with every kept problem, headed by the counts when some are not kept. */
  error(): PreftuneError;
}

export function createProblemLog(): ProblemLog {
  const kept: RecordProblem[] = [];
  const counts: Partial<Record<ProblemReason, number>> = {};
  let total = 0;
  return {
    kept,
    counts,
    get total() {
      return total;
    },
    add(problem) {
      total++;
      counts[problem.reason] = (counts[problem.reason] ?? 0) + 1;
      if (kept.length < MAX_KEPT_PROBLEMS) kept.push(problem);
    },
    error() {
      if (total <= kept.length) return badInput(kept);
      const summary = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`);
      return badInput([{ message: `data: ${total} problems in all (${summary.join(', ')}), the first:` }, ...kept]);
    },
  };
}

/** A value as a message shows it: JSON, cut to 60 characters. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : describe(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isObject(value)) {
    const keys = Object.keys(value);
    return `an object with ${keys.length === 0 ? 'no keys' : keys.slice(0, 6).join(', ')}`;
  }
  return String(value);
}
