import { badInput } from '../core/index.ts';

/** What the values are: names, an order, or numbers whose differences count. */
export type MeasurementLevel = 'nominal' | 'ordinal' | 'interval';

/**
 * Krippendorff's alpha, 1 - Do / De: observed over expected disagreement, for any number of raters, with missing ratings, chance
 * corrected for small samples. 1 is full agreement, 0 that of chance.
 *
 * `units` holds the values that each item was given, in any order; items with fewer than two say nothing and are left out.
 * Null when it is not defined: nothing pairable, or only one value in use. Throws bad-input for a value that is not finite.
 *
 * With o[c][k] = sum over items of (ordered pairs of values c and k) / (ratings of the item - 1), n[c] its row sums, n their sum:
 * Do = sum o[c][k] d(c, k) / n, De = sum n[c] n[k] d(c, k) / (n (n - 1)). d is 1 for different names; (c - k)^2 for intervals; for an
 * order (sum of n[g] from c to k, less half of n[c] and of n[k])^2.
 * Source: Krippendorff (2011), "Computing Krippendorff's alpha-reliability"; the package krippendorff.
 */
export function krippendorffAlpha(units: readonly ArrayLike<number>[], level: MeasurementLevel): number | null {
  return createAlpha(units, level)(null);
}

/** Alpha of resamples of the same items, for the bootstrap: the argument lists items, with repetition; null is each once. */
export function createAlpha(
  units: readonly ArrayLike<number>[],
  level: MeasurementLevel,
): (sample: ArrayLike<number> | null) => number | null {
  const values = [...new Set(units.flatMap((unit) => Array.from(unit)))].toSorted((a, b) => a - b);
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong !== undefined)
    throw badInput(`krippendorffAlpha: values must be finite, got ${wrong}; leave missing ratings out`);
  const places = new Map(values.map((value, place) => [value, place]));
  const coincidences = units.map((unit) => coincidencesOf(unit, places));
  const size = values.length;
  return (sample) => {
    const observed = new Float64Array(size * size);
    for (let i = 0; i < (sample?.length ?? units.length); i++) {
      const { cells, weight } = coincidences[sample === null ? i : sample[i]!]!;
      for (const cell of cells) observed[cell]! += weight;
    }
    return alphaOf(observed, values, level);
  };
}

/** The cells of the coincidence matrix that an item adds to, one entry for each ordered pair of its ratings. */
function coincidencesOf(
  unit: ArrayLike<number>,
  places: ReadonlyMap<number, number>,
): { cells: Int32Array; weight: number } {
  const cells: number[] = [];
  for (let i = 0; i < unit.length; i++) {
    for (let j = 0; j < unit.length; j++) {
      if (i !== j) cells.push(places.get(unit[i]!)! * places.size + places.get(unit[j]!)!);
    }
  }
  return { cells: Int32Array.from(cells), weight: unit.length > 1 ? 1 / (unit.length - 1) : 0 };
}

function alphaOf(observed: Float64Array, values: readonly number[], level: MeasurementLevel): number | null {
  const size = values.length;
  const totals = values.map((_, row) => observed.subarray(row * size, (row + 1) * size).reduce((sum, o) => sum + o, 0));
  const all = totals.reduce((sum, n) => sum + n, 0);
  const upTo = totals.reduce<number[]>((sums, n) => [...sums, sums.at(-1)! + n], [0]);
  let found = 0;
  let expected = 0;
  for (let c = 0; c < size; c++) {
    for (let k = c + 1; k < size; k++) {
      let distance = 1;
      if (level === 'interval') distance = (values[c]! - values[k]!) ** 2;
      if (level === 'ordinal') distance = (upTo[k + 1]! - upTo[c]! - (totals[c]! + totals[k]!) / 2) ** 2;
      found += observed[c * size + k]! * distance;
      expected += totals[c]! * totals[k]! * distance;
    }
  }
  return expected > 0 ? 1 - ((all - 1) * found) / expected : null;
}
