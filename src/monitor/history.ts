import type { MetricRecord } from '../store/index.ts';

/** One logged value of a metric. */
export interface Point {
  readonly step: number;
  readonly value: number;
}

/** The records of a run so far, by metric. */
export interface History {
  add(record: MetricRecord): void;
  /** In the order in which they were logged; numbers that were not finite are left out. */
  points(name: string): readonly Point[];
  /** The first step whose loss or gradient norm was not finite. */
  readonly brokenStep: number | undefined;
  /** The last step that was logged. */
  readonly step: number;
}

const MUST_BE_FINITE = ['loss', 'grad_norm', 'eval_loss'];

export function createHistory(): History {
  const metrics = new Map<string, Point[]>();
  let [step, brokenStep]: [number, number | undefined] = [0, undefined];
  return {
    add: (record) => {
      step = record.step;
      for (const [name, value] of Object.entries(record)) {
        if (typeof value === 'number' && Number.isFinite(value)) {
          const points = metrics.get(name);
          if (points === undefined) metrics.set(name, [{ step: record.step, value }]);
          else points.push({ step: record.step, value });
        } else if (MUST_BE_FINITE.includes(name)) brokenStep ??= record.step;
      }
    },
    points: (name) => metrics.get(name) ?? [],
    get brokenStep() {
      return brokenStep;
    },
    get step() {
      return step;
    },
  };
}

/** NaN without points. */
export function meanOf(points: readonly Point[]): number {
  return points.reduce((sum, { value }) => sum + value, 0) / points.length;
}

/** The middle value, of an even number the mean of the two. NaN without points. */
export function medianOf(points: readonly Point[]): number {
  const sorted = points.map(({ value }) => value).toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A metric at the start of a run and now. */
export interface Change {
  readonly first: number;
  readonly now: number;
  readonly firstStep: number;
  readonly step: number;
  /** What the numbers are of, as evidence names it. */
  readonly where: 'held-out' | 'training';
}

/** Logged steps whose mean stands for training rows: batches are small and differ. */
export const WINDOW = 8;

/**
 * A metric's way: on the held-out rows, which are the same each time, from the first evaluation to the last; where none are evaluated, on training rows,
 * from the mean of the first WINDOW logged steps to that of the last. Undefined before there are two evaluations or two windows.
 */
export function changeOf(history: History, name: string): Change | undefined {
  const heldOut = history.points(`eval_${name}`);
  const [first, last] = [heldOut[0], heldOut.at(-1)];
  if (first !== undefined && last !== undefined)
    return first.step === last.step
      ? undefined
      : { first: first.value, now: last.value, firstStep: first.step, step: last.step, where: 'held-out' };
  const training = history.points(name);
  if (training.length < 2 * WINDOW) return undefined;
  const recent = training.slice(-WINDOW);
  return {
    first: meanOf(training.slice(0, WINDOW)),
    now: meanOf(recent),
    firstStep: training[0]!.step,
    step: recent.at(-1)!.step,
    where: 'training',
  };
}

/** Both sides' rewards now: of the last evaluation after the first, else the means of the last WINDOW logged steps. */
export function rewardsOf(history: History): { chosen: Change; rejected: Change; margin: number } | undefined {
  const [chosen, rejected] = [changeOf(history, 'rewards/chosen'), changeOf(history, 'rewards/rejected')];
  if (chosen === undefined || rejected === undefined) return undefined;
  return { chosen, rejected, margin: chosen.now - rejected.now };
}

/** What changeOf takes of a metric that it does not have yet: two evaluations, or two windows of logged steps. */
export function changeTooShort(history: History, name: string): string | undefined {
  if (changeOf(history, name) !== undefined) return undefined;
  const evaluations = history.points(`eval_${name}`).length;
  return evaluations > 0
    ? needed(2, 'evaluations', evaluations)
    : needed(2 * WINDOW, 'logged steps', history.points(name).length);
}

/** `30 steps, it has 4`; undefined where there are as many. */
export function needed(count: number, what: string, has: number): string | undefined {
  return has >= count ? undefined : `${count} ${what}, it has ${has}`;
}
