import { badInput } from '../core/index.ts';

/** Rows for a logistic model without an intercept. */
export interface LogisticRows {
  /** [rows * features]. */
  readonly features: Float64Array;
  /** In [0, 1]: what is to be predicted, 1 and 0 or a probability. */
  readonly targets: ArrayLike<number>;
  /** How much a row counts; at least 0. */
  readonly weights: ArrayLike<number>;
}

/**
 * The weights w that minimise sum_j |w_j| + c sum_i weight_i [-t_i ln p_i - (1 - t_i) ln(1 - p_i)], p = 1 / (1 + exp(-x w)): logistic regression with an L1
 * penalty and no intercept, by proximal Newton steps (the quadratic model's minimum by coordinate descent, then a line search) until a step is below `tolerance`
 * (1e-10) of the weights.
 *
 * Throws bad-input for a c that is not above 0. Source: Lee, Sun and Saunders (2014), "Proximal Newton-type methods"; the objective is that of scikit-learn's
 * LogisticRegression(penalty='l1', C=c, fit_intercept=False).
 */
export function sparseLogistic(
  rows: LogisticRows,
  featureCount: number,
  { c, start, tolerance = 1e-10 }: { readonly c: number; readonly start?: Float64Array; readonly tolerance?: number },
): Float64Array<ArrayBuffer> {
  if (!(c > 0 && Number.isFinite(c))) throw badInput(`sparseLogistic: c must be above 0, got ${c}`);
  const w = Float64Array.from(start ?? new Float64Array(featureCount));
  for (let iteration = 0; iteration < 200; iteration++) {
    const { slope, curvature, value } = quadraticModel(rows, w, c);
    const goal = minimiseModel(w, { slope, curvature, tolerance: tolerance / 1000 });
    const step = goal.map((target, j) => target - w[j]!);
    const largest = step.reduce((most, s) => Math.max(most, Math.abs(s)), 0);
    if (largest <= tolerance * Math.max(1, ...w.map(Math.abs))) break;
    const before = value + norm(w);
    const promised = step.reduce((sum, s, j) => sum + s * slope[j]!, 0) + norm(goal) - norm(w);
    let share = 1;
    let moved = goal;
    while (share > 1e-12 && lossOf(rows, moved, c) + norm(moved) > before + 1e-4 * share * promised) {
      share /= 2;
      moved = w.map((from, j) => from + share * step[j]!);
    }
    // Below rounding nothing falls any more.
    if (share <= 1e-12) break;
    w.set(moved);
  }
  return w;
}

/** [rows]: p of each row under w. */
export function logisticPredictions(features: Float64Array, w: Float64Array): Float64Array<ArrayBuffer> {
  const count = features.length / w.length;
  return Float64Array.from({ length: count }, (_, row) => 1 / (1 + Math.exp(-dot(features, w, row))));
}

/** The minimum of slope (v - w) + (v - w) curvature (v - w) / 2 + |v| over v. */
function minimiseModel(
  w: Float64Array,
  { slope, curvature, tolerance }: { slope: Float64Array; curvature: Float64Array; tolerance: number },
): Float64Array<ArrayBuffer> {
  const size = w.length;
  const v = Float64Array.from(w);
  for (let sweep = 0; sweep < 1000; sweep++) {
    let largest = 0;
    for (let j = 0; j < size; j++) {
      const bend = curvature[j * size + j]!;
      if (bend <= 0) continue;
      let pull = slope[j]!;
      for (let k = 0; k < size; k++) pull += curvature[j * size + k]! * (v[k]! - w[k]!);
      const free = v[j]! - pull / bend;
      const next = Math.sign(free) * Math.max(0, Math.abs(free) - 1 / bend);
      largest = Math.max(largest, Math.abs(next - v[j]!));
      v[j] = next;
    }
    if (largest <= tolerance * Math.max(1, ...v.map(Math.abs))) break;
  }
  return v;
}

function quadraticModel(
  { features, targets, weights }: LogisticRows,
  w: Float64Array,
  c: number,
): { slope: Float64Array; curvature: Float64Array; value: number } {
  const size = w.length;
  const slope = new Float64Array(size);
  const curvature = new Float64Array(size * size);
  let value = 0;
  for (let row = 0; row < targets.length; row++) {
    const x = dot(features, w, row);
    const p = 1 / (1 + Math.exp(-x));
    const weight = c * weights[row]!;
    value += weight * rowLoss(x, targets[row]!);
    for (let j = 0; j < size; j++) {
      const own = features[row * size + j]!;
      slope[j]! += weight * (p - targets[row]!) * own;
      for (let k = 0; k < size; k++) curvature[j * size + k]! += weight * p * (1 - p) * own * features[row * size + k]!;
    }
  }
  return { slope, curvature, value };
}

function lossOf({ features, targets, weights }: LogisticRows, w: Float64Array, c: number): number {
  let sum = 0;
  for (let row = 0; row < targets.length; row++)
    sum += c * weights[row]! * rowLoss(dot(features, w, row), targets[row]!);
  return sum;
}

/** ln(1 + exp(x)) - t x; written as exp(x) first it would overflow at x = 710. */
function rowLoss(x: number, target: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) - target * x;
}

function dot(features: Float64Array, w: Float64Array, row: number): number {
  let sum = 0;
  for (let j = 0; j < w.length; j++) sum += features[row * w.length + j]! * w[j]!;
  return sum;
}

function norm(w: Float64Array): number {
  return w.reduce((sum, value) => sum + Math.abs(value), 0);
}
