import { badInput, createRandom } from '../core/index.ts';
import { itemsByCluster } from './clusters.ts';
import { percentileInterval } from './bootstrap.ts';
import { requireLevel, type Interval } from './proportion.ts';
import { logisticPredictions, sparseLogistic, type LogisticRows } from './sparse-logistic.ts';
import { meanOf, variance } from './summary.ts';
import { requireScores } from './win-rate.ts';

/** Comparisons of one model with one baseline, in columns of equal length. */
export interface LengthRows {
  /** Of the model, in [0, 1]: 1 won, 0 lost, 1/2 a tie. */
  readonly scores: readonly number[];
  /** Characters of the answers (any unit will do: only the difference over its standard deviation counts). */
  readonly lengths: readonly number[];
  readonly baselineLengths: readonly number[];
  /** How hard each prompt is; alpaca_eval has such numbers for its own 805 prompts. Default: the term is left out. */
  readonly difficulties?: readonly number[] | undefined;
}

/** Comparisons of the baseline with itself told to be brief or verbose: they hold the length's coefficient in place. */
export interface GamedRows {
  readonly scores: readonly number[];
  /** (baseline's length - gamed length) / standard deviation, as alpaca_eval stores it. */
  readonly lengthDifferences: readonly number[];
  readonly difficulties?: readonly number[] | undefined;
  /** Weight of each row. alpaca_eval: 0.2 / 2, for two gamed baselines. */
  readonly weight: number;
}

export interface LengthControlOptions {
  readonly gamed?: GamedRows | undefined;
  /** The fold of each row (the model's rows, or the gamed ones and then these), for choosing c. Default: row modulo 5. */
  readonly folds?: readonly number[] | undefined;
  readonly clusters?: ArrayLike<number | string> | undefined;
  /** Of the bootstrap; without a seed there is no interval. */
  readonly seed?: number | undefined;
  readonly level?: number;
  readonly resamples?: number;
}

export interface LengthControlled {
  /** The win rate if both answers were of one length. */
  readonly rate: number;
  /** Of the bootstrap over prompts, c kept; null without a seed or with one prompt. */
  readonly interval: Interval | null;
  /** The share of wins as they were. */
  readonly rawRate: number;
  readonly coefficients: { readonly length: number; readonly difficulty?: number; readonly model: number };
  /** The inverse strength of the penalty that cross-validation chose. */
  readonly c: number;
  /** More than 10 points and a quarter of the way from the raw rate to its end: the model may have failed. Source: alpaca_eval. */
  readonly isExtreme: boolean;
}

/** logspace(-4, 4, 10). */
const CANDIDATES = Array.from({ length: 10 }, (_, i) => 10 ** (-4 + (8 * i) / 9));
const FOLDS = 5;
/** Where all answers differ by one length the two weights are one, and the last digits of each take long; an interval has no use for them. */
const BOOTSTRAP_TOLERANCE = 1e-5;

/**
 * The length-controlled win rate: a logistic model of the score on tanh(difference of lengths / its standard deviation), the prompt's difficulty where it is known, and
 * the model itself, without an intercept, is asked for a difference of 0; the rate is its mean prediction. The difference is baseline - model and is not centred.
 * L1 penalty, its strength by five folds from ten values between 1e-4 and 1e4 with the smallest log loss.
 *
 * Where all lengths differ by the same number the difference is taken as 0 (alpaca_eval gives NaN). Its standard error is that of predictions over prompts, which is 0 without
 * difficulties; ours is a bootstrap over prompts, the model fitted anew with c kept. Null for fewer than five rows.
 * Throws bad-input for columns of different length, scores outside [0, 1], lengths that are not finite, or fewer than two folds.
 * Source: Dubois et al. (2024), arXiv 2404.04475; alpaca_eval 0.6.6, glm_winrate.py (length_controlled_v1, _noreg and _minimal by what is given).
 */
export function lengthControlledWinRate(rows: LengthRows, options: LengthControlOptions = {}): LengthControlled | null {
  const { gamed, clusters, seed, level = 0.95, resamples = 200 } = options;
  requireLevel('lengthControlledWinRate', level);
  requireColumns(rows, gamed, clusters);
  if (rows.scores.length < FOLDS) return null;
  const width = rows.difficulties === undefined ? 2 : 3;
  const all = designOf(rows, gamed);
  const folds = options.folds ?? all.targets.map((_, i) => i % FOLDS);
  if (folds.length !== all.targets.length || new Set(folds).size < 2)
    throw badInput(
      `lengthControlledWinRate: folds must be two or more, one for each of ${all.targets.length} rows, got ${new Set(folds).size} for ${folds.length}`,
    );
  const c = chooseC(all, width, folds);
  const w = sparseLogistic(all, width, { c });
  const rate = rateOf(w, rows.difficulties, rows.scores.length);
  const rawRate = meanOf(rows.scores)!;
  const difficulty = width === 3 ? { difficulty: w[1]! } : {};
  return {
    rate,
    interval: seed === undefined ? null : intervalOf(rows, { gamed, clusters, seed, level, resamples, c, start: w }),
    rawRate,
    coefficients: { length: w[0]!, ...difficulty, model: w[width - 1]! },
    c,
    isExtreme:
      rate < Math.min(rawRate - rawRate / 4, rawRate - 0.1) ||
      rate > Math.max(rawRate + (1 - rawRate) / 4, rawRate + 0.1),
  };
}

type Design = LogisticRows & { readonly targets: number[]; readonly weights: number[] };

function designOf(rows: LengthRows, gamed: GamedRows | undefined): Design {
  const differences = rows.lengths.map((length, i) => rows.baselineLengths[i]! - length);
  const deviation = Math.sqrt(variance(differences) ?? 0);
  const features: number[] = [];
  const push = (difference: number, difficulty: number | undefined, isModel: number): void => {
    features.push(Math.tanh(difference), ...(difficulty === undefined ? [] : [difficulty]), isModel);
  };
  gamed?.lengthDifferences.forEach((difference, i) =>
    push(difference, rows.difficulties === undefined ? undefined : gamed.difficulties![i]!, 0),
  );
  differences.forEach((difference, i) => push(deviation > 0 ? difference / deviation : 0, rows.difficulties?.[i], 1));
  return {
    features: Float64Array.from(features),
    targets: [...(gamed?.scores ?? []), ...rows.scores],
    weights: [...(gamed?.scores ?? []).map(() => gamed!.weight), ...rows.scores.map(() => 1)],
  };
}

/** The candidate with the smallest log loss over folds left out, each fold's mean counted alike; the smaller c of equals. */
function chooseC(design: Design, width: number, folds: readonly number[]): number {
  const losses = new Float64Array(CANDIDATES.length);
  for (const fold of new Set(folds)) {
    const kept = takeRows(design, width, (i) => folds[i] !== fold);
    const left = takeRows(design, width, (i) => folds[i] === fold);
    let start: Float64Array | undefined;
    for (const [place, c] of CANDIDATES.entries()) {
      start = sparseLogistic(kept, width, { c, ...(start === undefined ? {} : { start }) });
      losses[place]! += logLoss(left, logisticPredictions(left.features, start));
    }
  }
  let best = 0;
  losses.forEach((loss, place) => {
    if (loss < losses[best]!) best = place;
  });
  return CANDIDATES[best]!;
}

function takeRows(design: Design, width: number, takes: (row: number) => boolean): Design {
  const rows = design.targets.map((_, i) => i).filter(takes);
  return {
    features: Float64Array.from(rows.flatMap((row) => [...design.features.subarray(row * width, (row + 1) * width)])),
    targets: rows.map((row) => design.targets[row]!),
    weights: rows.map((row) => design.weights[row]!),
  };
}

/** Weighted, but over the number of rows and not of weights, as alpaca_eval's. */
function logLoss({ targets, weights }: Design, predictions: Float64Array): number {
  let sum = 0;
  predictions.forEach((prediction, i) => {
    const p = Math.min(Math.max(prediction, 1e-15), 1 - 1e-15);
    sum -= weights[i]! * (targets[i]! * Math.log(p) + (1 - targets[i]!) * Math.log(1 - p));
  });
  return sum / targets.length;
}

function rateOf(w: Float64Array, difficulties: readonly number[] | undefined, count: number): number {
  const own = w.at(-1)!;
  if (difficulties === undefined) return 1 / (1 + Math.exp(-own));
  return difficulties.reduce((sum, difficulty) => sum + 1 / (1 + Math.exp(-own - w[1]! * difficulty)), 0) / count;
}

function intervalOf(
  rows: LengthRows,
  options: Required<Pick<LengthControlOptions, 'level' | 'resamples'>> & {
    readonly gamed: GamedRows | undefined;
    readonly clusters: ArrayLike<number | string> | undefined;
    readonly seed: number;
    readonly c: number;
    readonly start: Float64Array;
  },
): Interval | null {
  const { gamed, clusters, seed, level, resamples, c, start } = options;
  const groups = itemsByCluster(rows.scores.length, clusters).map((items) => [...items]);
  if (groups.length < 2) return null;
  const random = createRandom(seed, 'length-control');
  const values = Float64Array.from({ length: resamples }, () => {
    const items = groups.flatMap(() => groups[random.nextInt(groups.length)]!);
    const of = (column: readonly number[]): number[] => items.map((item) => column[item]!);
    const sample: LengthRows = {
      scores: of(rows.scores),
      lengths: of(rows.lengths),
      baselineLengths: of(rows.baselineLengths),
      ...(rows.difficulties === undefined ? {} : { difficulties: of(rows.difficulties) }),
    };
    const w = sparseLogistic(designOf(sample, gamed), start.length, { c, start, tolerance: BOOTSTRAP_TOLERANCE });
    return rateOf(w, sample.difficulties, items.length);
  });
  return percentileInterval(values, level);
}

function requireColumns(
  rows: LengthRows,
  gamed: GamedRows | undefined,
  clusters: ArrayLike<number | string> | undefined,
): void {
  const where = 'lengthControlledWinRate';
  requireScores(where, rows.scores, clusters);
  const fits = (name: string, column: readonly number[] | undefined, count: number): void => {
    if (column !== undefined && column.length !== count)
      throw badInput(`${where}: ${name} must have a number for each of ${count} scores, got ${column.length}`);
    const wrong = column?.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw badInput(`${where}: ${name} must be finite, got ${wrong}`);
  };
  fits('lengths', rows.lengths, rows.scores.length);
  fits('baselineLengths', rows.baselineLengths, rows.scores.length);
  fits('difficulties', rows.difficulties, rows.scores.length);
  if (gamed === undefined) return;
  requireScores(where, gamed.scores);
  fits('gamed.lengthDifferences', gamed.lengthDifferences, gamed.scores.length);
  if (rows.difficulties !== undefined) fits('gamed.difficulties', gamed.difficulties ?? [], gamed.scores.length);
}
