import { badInput } from '../../core/index.ts';

/** How long a row may be, in tokens. */
export interface TruncationOptions {
  /** Of prompt + one answer: the first maxLength tokens are kept, so the end of an answer goes first. Undefined: no limit. */
  readonly maxLength?: number;
  /** Of the prompt: its end is kept, and BOS where it opens the prompt. Undefined: no limit. */
  readonly maxPromptLength?: number;
}

export interface TruncatedSide {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** As TokenizedSide.mask, as long as `answer`. */
  readonly mask?: readonly number[];
  readonly promptCut: boolean;
  readonly answerCut: boolean;
}

/** Throws bad-input, all at once, for limits that are not integers of at least 2 (maxLength) or 1, or contradict each other. */
export function validateTruncation({ maxLength, maxPromptLength }: TruncationOptions): void {
  const problems: string[] = [];
  if (maxLength !== undefined && !(Number.isSafeInteger(maxLength) && maxLength >= 2))
    problems.push(`maxLength must be an integer of at least 2, got ${maxLength}`);
  if (maxPromptLength !== undefined && !(Number.isSafeInteger(maxPromptLength) && maxPromptLength >= 1))
    problems.push(`maxPromptLength must be an integer of at least 1, got ${maxPromptLength}`);
  if (maxLength !== undefined && maxPromptLength !== undefined && maxPromptLength >= maxLength)
    problems.push(
      `maxPromptLength must be below maxLength (${maxLength}), got ${maxPromptLength}; no answer would fit`,
    );
  if (problems.length > 0) throw badInput(problems.map((message) => ({ message: `data: ${message}` })));
}

/**
 * A side within the limits, or undefined when its prompt leaves no room for a token of the answer: prompt >= maxLength.
 * Source: the order of TRL 0.29 and later (truncation keep_start); maxPromptLength is TRL's older option.
 */
export function truncateSide(
  side: {
    readonly prompt: readonly number[];
    readonly answer: readonly number[];
    readonly mask?: readonly number[];
    readonly hasBos: boolean;
  },
  { maxLength = Infinity, maxPromptLength = Infinity }: TruncationOptions,
): TruncatedSide | undefined {
  const promptCut = side.prompt.length > maxPromptLength;
  const keptBos = side.hasBos ? side.prompt.slice(0, 1) : [];
  const prompt = promptCut
    ? [...keptBos, ...side.prompt.slice(side.prompt.length - (maxPromptLength - keptBos.length))]
    : side.prompt;
  if (prompt.length >= maxLength) return undefined;
  const room = maxLength - prompt.length;
  const answerCut = side.answer.length > room;
  const kept = { prompt, answer: answerCut ? side.answer.slice(0, room) : side.answer, promptCut, answerCut };
  return side.mask === undefined ? kept : { ...kept, mask: side.mask.slice(0, room) };
}
