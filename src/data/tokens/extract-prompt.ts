import { JsonNumber, isNumber, sameNumber } from '../../core/index.ts';
import type { Message } from '../../tokenizer/index.ts';

/** The shared start of two texts or conversations, and what follows it on each side. */
export interface ExtractedPrompt<T> {
  readonly prompt: T;
  readonly chosen: T;
  readonly rejected: T;
}

/**
 * The implicit prompt of two texts: their longest common prefix in characters, less one space at its end, so that the space
 * belongs to the answers, as tokenizers have it. Where one text is the start of the other, its last character stays out of
 * the prompt. A surrogate pair is never split.
 *
 * Source: TRL, data_utils.extract_prompt. Deviation: no step back when the texts share nothing (there Python's index -1
 * reads the last character).
 */
export function extractTextPrompt(chosen: string, rejected: string): ExtractedPrompt<string> {
  const shorter = Math.min(chosen.length, rejected.length);
  let cut = 0;
  while (cut < shorter && chosen.charCodeAt(cut) === rejected.charCodeAt(cut)) cut++;
  if (cut === shorter) cut = Math.max(0, shorter - 1);
  else if (cut > 0 && chosen[cut - 1] === ' ') cut--;
  if (cut > 0 && isHighSurrogate(chosen.charCodeAt(cut - 1))) cut--;
  return { prompt: chosen.slice(0, cut), chosen: chosen.slice(cut), rejected: rejected.slice(cut) };
}

/** The implicit prompt of two conversations: the turns that they share. Where one is the start of the other, its last turn stays out. */
export function extractTurnsPrompt(
  chosen: readonly Message[],
  rejected: readonly Message[],
): ExtractedPrompt<readonly Message[]> {
  const shorter = Math.min(chosen.length, rejected.length);
  let cut = 0;
  while (cut < shorter && sameJson(chosen[cut]!, rejected[cut]!)) cut++;
  if (cut === shorter) cut = Math.max(0, shorter - 1);
  return { prompt: chosen.slice(0, cut), chosen: chosen.slice(cut), rejected: rejected.slice(cut) };
}

/**
 * Equal as JSON, whatever the order of keys; a key whose value is undefined is not there. Numbers are equal where their exact values are, and both
 * are whole numbers or both floats.
 */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a instanceof JsonNumber || b instanceof JsonNumber) return isNumber(a) && isNumber(b) && sameNumber(a, b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => sameJson(item, b[index]))
    );
  const [one, two] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  for (const name in one) if (!sameJson(one[name], Object.hasOwn(two, name) ? two[name] : undefined)) return false;
  for (const name in two) if (two[name] !== undefined && !Object.hasOwn(one, name)) return false;
  return true;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
