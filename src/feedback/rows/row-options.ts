import { badInput, shownValue } from '../../core/index.ts';

/** Signals that may mean something else, and count only where a weight is given. */
export const WEAK_KINDS = ['regenerate', 'copy', 'accept', 'outcome'] as const;
export type WeakKind = (typeof WEAK_KINDS)[number];

/** What decides which signals become rows. */
export interface FeedbackRowOptions {
  /** Preferences of one person (who said it, or whose prompt it is) at most, the newest first. Default 100. */
  readonly maxPerUser?: number | undefined;
  /** Preferences of one prompt at most. Default 8. */
  readonly maxPerPrompt?: number | undefined;
  /** Episodes (or, without them, keys) that must say the same where a page's key says it of nobody. Default 3. */
  readonly quorum?: number | undefined;
  /** Versions behind the one that answered last under the same name, from which rows still come. Default 2. */
  readonly maxAge?: number | undefined;
  /** Only from answers whose request, or signals whose tags say `consent: training`. Default false. */
  readonly requiresConsent?: boolean | undefined;
  /** How far ratings of one prompt must be apart, in steps of a scale of five, after each person's mean was taken off. Default 1. */
  readonly minMargin?: number | undefined;
  /** Weights of weak signals in (0, 1]; those without one are left out. */
  readonly weak?: Readonly<Partial<Record<WeakKind, number>>> | undefined;
  /** A person who says so much within a minute is looked at. Default 20. */
  readonly burst?: number | undefined;
  /** Estimated similarity from which two long answers to different prompts are one. Default 0.9. */
  readonly nearDuplicate?: number | undefined;
}

export type FullRowOptions = { readonly [Name in keyof FeedbackRowOptions]-?: NonNullable<FeedbackRowOptions[Name]> };

/** With defaults. Throws bad-input with all that is wrong. */
export function fullRowOptions(options: FeedbackRowOptions): FullRowOptions {
  const full: FullRowOptions = {
    maxPerUser: options.maxPerUser ?? 100,
    maxPerPrompt: options.maxPerPrompt ?? 8,
    quorum: options.quorum ?? 3,
    maxAge: options.maxAge ?? 2,
    requiresConsent: options.requiresConsent ?? false,
    minMargin: options.minMargin ?? 1,
    weak: options.weak ?? {},
    burst: options.burst ?? 20,
    nearDuplicate: options.nearDuplicate ?? 0.9,
  };
  const problems = [
    ...(['maxPerUser', 'maxPerPrompt', 'quorum', 'burst'] as const).flatMap((name) =>
      Number.isInteger(full[name]) && full[name] >= 1 ? [] : [wrong(name, 'a whole number of at least 1', full[name])],
    ),
    ...(Number.isInteger(full.maxAge) && full.maxAge >= 0
      ? []
      : [wrong('maxAge', 'a whole number of at least 0', full.maxAge)]),
    ...(full.minMargin >= 0 && full.minMargin < Infinity
      ? []
      : [wrong('minMargin', 'a number of at least 0', full.minMargin)]),
    ...(full.nearDuplicate > 0 && full.nearDuplicate <= 1
      ? []
      : [wrong('nearDuplicate', 'in (0, 1]', full.nearDuplicate)]),
    ...Object.entries(full.weak).flatMap(([kind, weight]) =>
      weight > 0 && weight <= 1 ? [] : [wrong(`weak.${kind}`, 'a weight in (0, 1]', weight)],
    ),
  ];
  if (problems.length > 0) throw badInput(problems);
  return full;
}

function wrong(path: string, wanted: string, value: unknown): { readonly path: string; readonly message: string } {
  return { path, message: `${path}: must be ${wanted}, got ${shownValue(value)}` };
}

/** Why a signal, or what was made of it, became no row. */
export type FeedbackDropReason =
  | 'taken_back'
  | 'comment_only'
  | 'weak_off'
  | 'unconfirmed'
  | 'answer_gone'
  | 'text_gone'
  | 'not_text'
  | 'not_finished'
  | 'no_consent'
  | 'too_old'
  | 'held_out'
  | 'other_prompt'
  | 'quorum'
  | 'same_unit'
  | 'small_edit'
  | 'tie'
  | 'below_margin'
  | 'one_answer'
  | 'identical_answers'
  | 'undecided'
  | 'user_cap'
  | 'prompt_cap'
  | 'erased_meanwhile';

export type QuarantineReason = 'dictates_answer' | 'burst' | 'personal_data' | 'near_duplicate';

/** Counts by reason. */
export class Tally<Reason extends string> {
  private readonly counts = new Map<Reason, number>();

  add(reason: Reason, count = 1): void {
    if (count > 0) this.counts.set(reason, (this.counts.get(reason) ?? 0) + count);
  }

  get all(): Readonly<Partial<Record<Reason, number>>> {
    return Object.fromEntries([...this.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) as Partial<
      Record<Reason, number>
    >;
  }
}
