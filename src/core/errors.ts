/**
 * The errors that leave preftune. Each has a `code` that decides the exit status (2 for bad input or wrong usage, 1 for
 * everything else) and a list of problems, so that bad input is reported whole.
 *
 * A message reads `<where>: <what must hold>, got <value>; <what to do>`.
 */

/** One thing that is wrong, and where. Only `message` is always there. */
export interface Problem {
  readonly message: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** Byte offset in `file`, for binary formats. */
  readonly offsetBytes?: number;
  /** Dotted path of an option or field, such as `lora.rank`. */
  readonly path?: string;
}

export type ErrorCode =
  /** Files, rows, weights or configuration that we were given are wrong. */
  | 'bad-input'
  /** The command line or the options are wrong. */
  | 'bad-usage'
  /** The run failed: not a number, a full disk, too little memory. */
  | 'run-failed'
  /** There is no room for the request now; the same one may be taken later. A server answers it with status 429. */
  | 'busy'
  /** The caller asked to stop. */
  | 'cancelled'
  /** Our own fault. */
  | 'internal';

export class PreftuneError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, problems: string | Problem | readonly Problem[], options?: ErrorOptions) {
    const list: readonly Problem[] =
      typeof problems === 'string' ? [{ message: problems }] : 'message' in problems ? [problems] : problems;
    super(formatProblems(list), options);
    this.name = 'PreftuneError';
    this.code = code;
    this.problems = list;
  }
}

/** How many problems a message prints before it says how many more there are. */
export const MAX_PRINTED_PROBLEMS = 20;

/** `file:line:column: message`, one problem a line, at most MAX_PRINTED_PROBLEMS of them and a count of the rest. */
export function formatProblems(problems: readonly Problem[]): string {
  const lines = problems.slice(0, MAX_PRINTED_PROBLEMS).map(formatProblem);
  const rest = problems.length - lines.length;
  if (rest > 0) lines.push(`... and ${rest} more ${rest === 1 ? 'problem' : 'problems'}`);
  return lines.join('\n');
}

function formatProblem(problem: Problem): string {
  const { file, line, column, offsetBytes, message } = problem;
  if (file === undefined) return message;
  const place =
    offsetBytes === undefined
      ? [file, line, column].filter((part) => part !== undefined).join(':')
      : `${file} at byte ${offsetBytes}`;
  return `${place}: ${message}`;
}

export function badInput(problems: string | Problem | readonly Problem[], options?: ErrorOptions): PreftuneError {
  return new PreftuneError('bad-input', problems, options);
}

export function badUsage(problems: string | Problem | readonly Problem[], options?: ErrorOptions): PreftuneError {
  return new PreftuneError('bad-usage', problems, options);
}

export function runFailed(problems: string | Problem | readonly Problem[], options?: ErrorOptions): PreftuneError {
  return new PreftuneError('run-failed', problems, options);
}

/** Too much is asked at once; what was asked is right and may be asked again. */
export function busy(message: string): PreftuneError {
  return new PreftuneError('busy', message);
}

/** An error that only a mistake of ours can cause; the message starts with `internal:`. */
export function internal(message: string, options?: ErrorOptions): PreftuneError {
  return new PreftuneError('internal', `internal: ${message}`, options);
}

/** Fails to compile when a case of a union is missing; throws `internal:` when a value escapes its type. */
export function unreachable(value: never): never {
  throw internal(`unexpected ${String(value)}`);
}

/** The problems of bad input that was caught, to be told with others. Throws anything else again. */
export function badInputProblems(thrown: unknown): readonly Problem[] {
  if (thrown instanceof PreftuneError && thrown.code === 'bad-input') return thrown.problems;
  throw thrown;
}

/** The problems of the bad input or wrong usage that `work` throws; none where it throws nothing. Other errors pass. */
export function problemsOf(work: () => unknown): readonly Problem[] {
  try {
    work();
    return [];
  } catch (thrown) {
    if (thrown instanceof PreftuneError && (thrown.code === 'bad-input' || thrown.code === 'bad-usage'))
      return thrown.problems;
    throw thrown;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
