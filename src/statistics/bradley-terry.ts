import { badInput, createRandom } from '../core/index.ts';
import { percentileInterval } from './bootstrap.ts';
import { solvePositive } from './linear-solve.ts';
import { requireLevel, type Interval } from './proportion.ts';

/** Elo's scale: a difference of 400 is ten wins to one loss. */
export const ELO_SCALE = 400;
export const ELO_BASE = 1000;

/** One comparison of two models, named by their places. */
export interface Game {
  readonly a: number;
  readonly b: number;
  /** Of a, in [0, 1]: 1 won, 0 lost, 1/2 a tie. */
  readonly score: number;
  /** The prompt; those of one prompt are resampled together. Default: each game stands alone. */
  readonly cluster?: number | string | undefined;
}

export interface RatingOptions {
  /** Ridge on strengths, in games: see bradleyTerry. Default 0, the maximum of the likelihood. */
  readonly ridge?: number;
  /** A model whose rating is fixed; default: the mean rating is 1000. */
  readonly anchor?: { readonly model: number; readonly rating: number } | undefined;
}

export interface RatingIntervalOptions extends RatingOptions {
  readonly seed: number;
  readonly level?: number;
  readonly resamples?: number;
}

export interface ModelRating {
  readonly rating: number;
  readonly interval: Interval | null;
  /** 1 + how many models have an interval wholly above this one's. Source: Chatbot Arena. Null without intervals. */
  readonly rank: number | null;
  readonly games: number;
}

/**
 * Bradley and Terry's ratings: P(a beats b) = 1 / (1 + 10^((R_b - R_a) / 400)), by the maximum of sum s ln P + (1 - s) ln(1 - P)
 * - (ridge / 2) sum w^2, w = (R - mean) / 400; a tie is half a win and half a loss. Newton's method, to a step of 1e-12.
 *
 * Null where the maximum does not exist (Ford's condition): without a ridge some models, as a group, must both win from and lose to the others.
 * With three models of which one never wins it would be minus infinity; a ridge of 0.5 gives what scikit-learn's default, and so FastChat's, gives.
 * Throws bad-input for games that name no such model, a model against itself, or scores outside [0, 1].
 * Source: Bradley and Terry (1952); Ford (1957); FastChat's compute_elo_mle_with_tie.
 */
export function bradleyTerry(
  models: number,
  games: readonly Game[],
  { ridge = 0, anchor }: RatingOptions = {},
): number[] | null {
  requireGames(models, games);
  return ratingsOf(scoreTable(models, games), { models, ridge, anchor });
}

/**
 * bradleyTerry with percentile intervals over resampled clusters and ranks; null where bradleyTerry is. A model's interval is null where fewer than half of the
 * resamples have ratings. Source: Chiang et al. (2024), "Chatbot Arena", section 5, who resample games.
 */
export function bradleyTerryIntervals(
  models: number,
  games: readonly Game[],
  options: RatingIntervalOptions,
): ModelRating[] | null {
  const { seed, level = 0.95, resamples = 1000, ridge = 0, anchor } = options;
  requireLevel('bradleyTerry', level);
  const ratings = bradleyTerry(models, games, { ridge, anchor });
  if (ratings === null) return null;
  const tables = tablesOfClusters(models, games);
  const random = createRandom(seed, 'bradley-terry');
  const drawn: number[][] = [];
  const table = new Float64Array(models * models);
  for (let i = 0; i < resamples && tables.length > 1; i++) {
    table.fill(0);
    for (let j = 0; j < tables.length; j++)
      for (const [cell, score] of tables[random.nextInt(tables.length)]!) table[cell]! += score;
    const values = ratingsOf(table, { models, ridge, anchor });
    if (values !== null) drawn.push(values);
  }
  const enough = drawn.length > 0 && drawn.length * 2 >= resamples;
  const intervals = ratings.map((_, model) =>
    enough
      ? percentileInterval(
          Float64Array.from(drawn, (values) => values[model]!),
          level,
        )
      : null,
  );
  return ratings.map((rating, model) => ({
    rating,
    interval: intervals[model]!,
    rank: enough ? 1 + intervals.filter((other) => other!.low > intervals[model]!.high).length : null,
    games: games.filter(({ a, b }) => a === model || b === model).length,
  }));
}

/** What a rating says of a meeting: 1 / (1 + 10^((other - rating) / 400)). */
export function expectedScore(rating: number, other: number): number {
  return 1 / (1 + 10 ** ((other - rating) / ELO_SCALE));
}

/** [models * models]: the score of the row's model against the column's. */
function scoreTable(models: number, games: readonly Game[]): Float64Array {
  const table = new Float64Array(models * models);
  for (const game of games) for (const [cell, score] of cellsOf(models, game)) table[cell]! += score;
  return table;
}

function cellsOf(models: number, { a, b, score }: Game): [cell: number, score: number][] {
  return [
    [a * models + b, score],
    [b * models + a, 1 - score],
  ];
}

function tablesOfClusters(models: number, games: readonly Game[]): (readonly [cell: number, score: number][])[] {
  const clusters = new Map<number | string, [number, number][]>();
  for (const [i, game] of games.entries()) {
    const key = game.cluster ?? `\0${i}`;
    const cells = clusters.get(key) ?? [];
    cells.push(...cellsOf(models, game));
    clusters.set(key, cells);
  }
  return [...clusters.values()];
}

function ratingsOf(
  table: Float64Array,
  { models, ridge, anchor }: { models: number; ridge: number; anchor: RatingOptions['anchor'] },
): number[] | null {
  if (ridge === 0 && !isConnected(table, models)) return null;
  const scale = Math.LN10;
  const w = new Float64Array(models);
  for (let iteration = 0; iteration < 100; iteration++) {
    const slope = new Float64Array(models);
    const curvature = new Float64Array(models * models);
    for (let a = 0; a < models; a++) {
      slope[a]! += ridge * w[a]!;
      curvature[a * models + a]! += ridge;
      for (let b = 0; b < models; b++) {
        // Without a ridge only differences count: a spring on the sum picks the solution with mean 0 and moves nothing else.
        if (ridge === 0) curvature[a * models + b]! += 1;
        const won = table[a * models + b]!;
        const lost = table[b * models + a]!;
        if (a === b || won + lost === 0) continue;
        const p = 1 / (1 + Math.exp(scale * (w[b]! - w[a]!)));
        const bend = scale * scale * (won + lost) * p * (1 - p);
        slope[a]! += scale * ((won + lost) * p - won);
        curvature[a * models + a]! += bend;
        curvature[a * models + b]! -= bend;
      }
    }
    const step = solvePositive(curvature, slope);
    if (step === null) return null;
    const largest = step.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Newton's step may overshoot where one side nearly always wins; a step of one is a factor of ten in odds.
    const share = Math.min(1, 1 / Math.max(largest, 1e-300));
    for (let a = 0; a < models; a++) w[a]! -= share * step[a]!;
    if (largest < 1e-12) break;
  }
  const ratings = Array.from(w, (value) => ELO_SCALE * value + ELO_BASE);
  const shift = anchor === undefined ? 0 : anchor.rating - ratings[anchor.model]!;
  return ratings.map((rating) => rating + shift);
}

/** Whether from each model every other can be reached along "scored against", forwards and backwards from the first. */
function isConnected(table: Float64Array, models: number): boolean {
  const reaches = (scored: (from: number, to: number) => boolean): boolean => {
    const seen = new Set([0]);
    for (const from of seen) for (let to = 0; to < models; to++) if (to !== from && scored(from, to)) seen.add(to);
    return seen.size === models;
  };
  return reaches((a, b) => table[a * models + b]! > 0) && reaches((a, b) => table[b * models + a]! > 0);
}

function requireGames(models: number, games: readonly Game[]): void {
  if (!(Number.isInteger(models) && models >= 2))
    throw badInput(`bradleyTerry: models must be a whole number from 2 on, got ${models}`);
  for (const [i, { a, b, score }] of games.entries()) {
    const known = [a, b].every((model) => Number.isInteger(model) && model >= 0 && model < models);
    if (!known || a === b)
      throw badInput(`bradleyTerry: a game must be of two of ${models} models, got ${a} and ${b} in game ${i}`);
    if (!(score >= 0 && score <= 1))
      throw badInput(`bradleyTerry: scores must be in [0, 1], got ${score} in game ${i}`);
  }
}
