import { tooMuch } from './problem.ts';

/**
 * Limits of one rendering. They are counts and not seconds, so a template that renders here renders everywhere. The longest
 * conversations that models take render in some ten thousand steps.
 */
export const MAX_STEPS = 4_000_000;
/** UTF-16 units of one text, and of all that is written. */
export const MAX_TEXT_LENGTH = 2 ** 23;
/** Calls of macros within each other. Python allows about 190. */
export const MAX_CALL_DEPTH = 150;
/** Lists within lists. */
export const MAX_NESTING = 200;
/** Bits of a whole number; Python prints no more than 4,300 digits (14,285 bits). */
export const MAX_INTEGER_BITS = 2 ** 15;

/** The state of one rendering that is not a variable of the template. */
export interface Machine {
  /** Work done, in steps: a step is one item of a loop, one call, or 64 characters of a text. */
  steps: number;
  /** Macros that are under way. */
  depth: number;
  /** The line of the template that is under way, for problems. */
  line: number;
  /** What strftime_now tells: a local time in ISO 8601. */
  readonly now: string;
}

export function createMachine(now: string): Machine {
  return { steps: 0, depth: 0, line: 1, now };
}

/** Counts work; throws a limit problem when the template has done too much of it. */
export function charge(machine: Machine, steps: number): void {
  machine.steps += steps;
  if (machine.steps > MAX_STEPS)
    throw tooMuch(`the template must end within ${MAX_STEPS.toLocaleString('en')} steps, and it has not`);
}

/** Throws a limit problem when a text of this length is too long. */
export function checkLength(length: number): void {
  if (length > MAX_TEXT_LENGTH)
    throw tooMuch(`a text must have at most ${MAX_TEXT_LENGTH.toLocaleString('en')} characters, got ${length}`);
}

/** Counts the work on a text of this length, which need not exist yet; throws a limit problem when it is too long. */
export function chargeText(machine: Machine, length: number): void {
  checkLength(length);
  charge(machine, 1 + Math.floor(length / 64));
}

/** Counts a text that was made, and gives it. */
export function made(machine: Machine, text: string): string {
  chargeText(machine, text.length);
  return text;
}

/** parts.join(separator), counted before it is made. */
export function joinTexts(machine: Machine, parts: readonly string[], separator: string): string {
  let length = separator.length * Math.max(0, parts.length - 1);
  for (const part of parts) length += part.length;
  chargeText(machine, length);
  return parts.join(separator);
}
