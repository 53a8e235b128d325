import {
  anyOfK,
  bradleyTerryIntervals,
  cohenKappaInterval,
  lengthControlledWinRate,
  meanOf,
  minimumDetectableEffect,
  sampleSize,
  winRate,
  type Game,
  type LengthControlled,
  type ModelRating,
  type WinRate,
  type WinRateAtK,
} from '../../statistics/index.ts';
import type { Verdict } from '../../judge/index.ts';
import type { Answers } from './answers.ts';
import type { ContestantMatch } from './matches.ts';

/** A contestant against another, over all prompts. */
export interface Standing {
  readonly model: string;
  readonly baseline: string;
  /** Of the model; null where no match has a verdict. */
  readonly winRate: WinRate | null;
  /** The win rate at equal length; null for fewer than five matches. */
  readonly lengthControlled: LengthControlled | null;
  /** Mean characters of the model's answers over those of the baseline's. */
  readonly lengthRatio: number;
  /** Matches that no judge could decide. */
  readonly withoutVerdict: number;
  /** At least one of K samples beats the baseline's, for each K up to the samples; empty for one. */
  readonly atK: readonly WinRateAtK[];
  /** Prompts that would show a win rate as this one 8 times of 10; null where it is one half or not known. */
  readonly promptsNeeded: number | null;
  /** The smallest distance from one half that these prompts show 8 times of 10. */
  readonly smallestEffect: number | null;
}

/** How far two judges agree, over the matches that both decided. */
export interface JudgeAgreement {
  readonly judges: readonly [string, string];
  readonly matches: number;
  readonly share: number;
  /** Null where it is not defined. */
  readonly kappa: number | null;
}

export interface Standings {
  /** The others against the first contestant. */
  readonly pairs: readonly Standing[];
  /** Of three contestants or more, in their order; null where they are not defined. */
  readonly ratings: readonly (ModelRating & { readonly name: string })[] | null;
  readonly agreement: readonly JudgeAgreement[];
  /** Share of intervals that hold: 1 - 0.05 / comparisons with the baseline. */
  readonly level: number;
}

export interface StandingsOptions {
  readonly names: readonly string[];
  readonly answers: ReadonlyMap<string, Answers>;
  readonly seed: number;
}

const ALPHA = 0.05;
/** A model that never wins would have no rating: see bradleyTerry. */
const RIDGE = 0.5;

/** The score of b in a match: 1 won, 0 lost, one half for a tie. */
function scoreOf(verdict: Verdict): number {
  return verdict === 'tie' ? 0.5 : verdict === 'b' ? 1 : 0;
}

/** Everything that the matches say. Intervals are Bonferroni's for as many comparisons with the first contestant. */
export function standingsOf(matches: readonly ContestantMatch[], options: StandingsOptions): Standings {
  const [baseline, ...others] = options.names as [string, ...string[]];
  const level = 1 - ALPHA / Math.max(1, others.length);
  return {
    level,
    pairs: others.map((model) => standingOf(matches, { ...options, model, baseline, level })),
    ratings: options.names.length < 3 ? null : ratingsOf(matches, options),
    agreement: agreementOf(matches, options.seed),
  };
}

interface PairOptions extends StandingsOptions {
  readonly model: string;
  readonly baseline: string;
  readonly level: number;
}

function standingOf(
  matches: readonly ContestantMatch[],
  { model, baseline, answers, seed, level }: PairOptions,
): Standing {
  const own = matches.filter(({ a, b }) => a === baseline && b === model);
  const decided = own.filter(({ verdict }) => verdict !== null);
  const scores = decided.map(({ verdict }) => scoreOf(verdict!));
  const clusters = decided.map(({ prompt }) => prompt);
  const lengthsOf = (name: string): number[] =>
    decided.map(({ prompt, sample }) => answers.get(name)!(prompt, sample)!.text.length);
  const [lengths, baselineLengths] = [lengthsOf(model), lengthsOf(baseline)];
  const rate = winRate(scores, { clusters, level });
  const tieShare = rate === null ? 0 : rate.ties / rate.count;
  const prompts = rate?.clusters ?? 0;
  // Samples of one prompt are not independent: so many comparisons tell as much as one prompt.
  const perPrompt = rate === null ? 1 : rate.count / rate.clusters;
  const designEffect = Math.max(
    1,
    rate === null || rate.effectiveCount === null ? 1 : rate.count / rate.effectiveCount,
  );
  const effect = rate === null ? 0 : Math.abs(rate.rate - 0.5);
  const isPossible = effect > 0 && effect <= (1 - tieShare) / 2;
  return {
    model,
    baseline,
    winRate: rate,
    lengthControlled:
      rate === null ? null : lengthControlledWinRate({ scores, lengths, baselineLengths }, { clusters, seed, level }),
    lengthRatio: (meanOf(lengths) ?? 0) / Math.max(1, meanOf(baselineLengths) ?? 0),
    withoutVerdict: own.length - decided.length,
    atK: atKOf(decided, { seed, level }),
    promptsNeeded:
      rate === null || !isPossible
        ? null
        : Math.ceil(sampleSize(rate.rate, { tieShare, alpha: 1 - level, designEffect }) / perPrompt),
    smallestEffect: prompts === 0 ? null : minimumDetectableEffect(prompts, { tieShare, alpha: 1 - level }),
  };
}

function atKOf(decided: readonly ContestantMatch[], { seed, level }: { seed: number; level: number }): WinRateAtK[] {
  const byPrompt = new Map<string, number[]>();
  for (const { prompt, verdict } of decided) byPrompt.set(prompt, [...(byPrompt.get(prompt) ?? []), scoreOf(verdict!)]);
  const prompts = [...byPrompt.values()].map((scores) => ({ scores }));
  const most = Math.max(0, ...prompts.map(({ scores }) => scores.length));
  if (most < 2) return [];
  return Array.from({ length: most }, (_, i) => anyOfK(prompts, { k: i + 1, seed, level })).filter(
    (one) => one !== null,
  );
}

function ratingsOf(matches: readonly ContestantMatch[], { names, seed }: StandingsOptions): Standings['ratings'] {
  const games = matches.flatMap(({ a, b, verdict, prompt }): Game[] =>
    verdict === null ? [] : [{ a: names.indexOf(b), b: names.indexOf(a), score: scoreOf(verdict), cluster: prompt }],
  );
  const ratings = bradleyTerryIntervals(names.length, games, { seed, ridge: RIDGE });
  return ratings?.map((rating, i) => ({ ...rating, name: names[i]! })) ?? null;
}

const LABELS: readonly Verdict[] = ['a', 'b', 'tie'];

function agreementOf(matches: readonly ContestantMatch[], seed: number): JudgeAgreement[] {
  const judges = [...new Set(matches.flatMap(({ votes }) => Object.keys(votes)))];
  return judges.flatMap((one, i) =>
    judges.slice(i + 1).flatMap((two): JudgeAgreement[] => {
      const both = matches.filter(({ votes }) => (votes[one] ?? null) !== null && (votes[two] ?? null) !== null);
      if (both.length === 0) return [];
      const labels = (name: string): number[] => both.map(({ votes }) => LABELS.indexOf(votes[name]!));
      const [first, second] = [labels(one), labels(two)];
      const same = first.filter((label, k) => label === second[k]).length;
      const kappa = cohenKappaInterval(first, second, { seed });
      return [{ judges: [one, two], matches: both.length, share: same / both.length, kappa: kappa.estimate }];
    }),
  );
}
