import { PERSONAL_PATTERNS, personalMatches, type PersonalPattern } from '../core/index.ts';

/** Personal data and secrets that rows are searched for. */
export const PERSONAL_KINDS = ['email', 'phone', 'iban', 'card', 'ip', 'api-key', 'private-key'] as const;
export type PersonalKind = NonNullable<PersonalPattern['kind']>;

/** Kinds that open a door: they must be revoked, not only removed. */
export const SECRET_KINDS: readonly PersonalKind[] = ['api-key', 'private-key'];

export interface PersonalMatch {
  readonly kind: PersonalKind;
  readonly start: number;
  readonly end: number;
}

/** What is certain in a text, in order of place; where two overlap, the earlier pattern of the list wins. */
export function findPersonalData(text: string): PersonalMatch[] {
  const found: PersonalMatch[] = [];
  for (const pattern of PERSONAL_PATTERNS) {
    const { kind, isCertain } = pattern;
    if (kind === undefined) continue;
    for (const { start, end, match } of personalMatches(text, pattern)) {
      const around = { before: text.slice(Math.max(0, start - 1), start), behind: text.slice(end, end + 8) };
      if (isCertain?.(match, around) === false) continue;
      if (!found.some((other) => start < other.end && other.start < end)) found.push({ kind, start, end });
    }
  }
  return found.toSorted((a, b) => a.start - b.start);
}

/** The text with `[email]`, `[card]`, ... in the place of what was found. */
export function maskPersonalData(text: string, kinds: readonly PersonalKind[] = PERSONAL_KINDS): string {
  let masked = '';
  let at = 0;
  for (const { kind, start, end } of findPersonalData(text)) {
    if (!kinds.includes(kind)) continue;
    masked += `${text.slice(at, start)}[${kind}]`;
    at = end;
  }
  return masked + text.slice(at);
}

/** The bits of the kinds in a text, by their place in PERSONAL_KINDS. */
export function personalBits(text: string): number {
  let bits = 0;
  for (const { kind } of findPersonalData(text)) bits |= 1 << PERSONAL_KINDS.indexOf(kind);
  return bits;
}
