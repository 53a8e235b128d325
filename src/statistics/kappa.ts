import { badInput } from '../core/index.ts';

/** How much a disagreement between the i-th and the j-th category counts: 1, |i - j|, or (i - j)^2. */
export type KappaWeights = 'none' | 'linear' | 'quadratic';

export interface KappaOptions {
  readonly weights?: KappaWeights;
  /** All categories in their order; default: those that occur, ascending. It decides the distances of the weights. */
  readonly categories?: readonly number[];
}

/**
 * Cohen's kappa of two raters who labelled the same items, 1 - sum(w o) / sum(w e): o counts pairs of labels, e what their totals
 * would give by chance, w is the weight of a disagreement (0 on the diagonal). 1 is full agreement, 0 that of chance.
 *
 * Null when it is not defined: no items, or both raters used one and the same label throughout (no disagreement could be expected).
 * Throws bad-input when the raters have different numbers of items, or a label is not among `categories`.
 * Source: Cohen (1960), Cohen (1968) for weights; scikit-learn's cohen_kappa_score, which gives NaN where we give null.
 *
 * @example
 * ```ts run
 * import { cohenKappa } from 'preftune/statistics';
 *
 * console.log(cohenKappa([1, 1, 0, 0], [1, 1, 0, 1])); // 0.5
 * ```
 */
export function cohenKappa(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  { weights = 'none', categories }: KappaOptions = {},
): number | null {
  if (first.length !== second.length)
    throw badInput(
      `cohenKappa: both raters must have labelled the same items, got ${first.length} and ${second.length}`,
    );
  const places = placesOf([first, second], categories);
  const size = places.size;
  const observed = new Float64Array(size * size);
  const rows = new Float64Array(size);
  const columns = new Float64Array(size);
  for (let item = 0; item < first.length; item++) {
    const [row, column] = [placeOf(places, first[item]!), placeOf(places, second[item]!)];
    observed[row * size + column]!++;
    rows[row]!++;
    columns[column]!++;
  }
  let disagreement = 0;
  let byChance = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const weight = weightOf(weights, row - column);
      disagreement += weight * observed[row * size + column]!;
      byChance += (weight * rows[row]! * columns[column]!) / first.length;
    }
  }
  return byChance > 0 ? 1 - disagreement / byChance : null;
}

/**
 * Fleiss' kappa, (P - Pe) / (1 - Pe), of items that all have the same number of ratings: P is the mean share of agreeing pairs of
 * ratings of an item, Pe = sum_j p_j^2 what the shares p_j of the categories would give by chance. The raters may differ between items.
 *
 * `counts[item][category]` is how many raters chose a category. Null when it is not defined: no items, fewer than two ratings each,
 * or a single category in use. Throws bad-input when items have different numbers of ratings (krippendorffAlpha takes those).
 * Source: Fleiss (1971), equations 3 to 7; statsmodels' fleiss_kappa.
 */
export function fleissKappa(counts: readonly ArrayLike<number>[]): number | null {
  const ratings = counts.length === 0 ? 0 : total(counts[0]!);
  const other = counts.findIndex((row) => total(row) !== ratings);
  if (other >= 0) {
    throw badInput(
      `fleissKappa: all items must have ${ratings} ratings as the first has, got ${total(counts[other]!)} for item ${other}; ` +
        'use krippendorffAlpha where numbers differ',
    );
  }
  if (ratings < 2) return null;
  const shares: number[] = [];
  let agreement = 0;
  for (const row of counts) {
    let squares = 0;
    for (let category = 0; category < row.length; category++) {
      const count = row[category]!;
      squares += count * count;
      shares[category] = (shares[category] ?? 0) + count / (counts.length * ratings);
    }
    agreement += (squares - ratings) / (ratings * (ratings - 1) * counts.length);
  }
  const used = shares.filter((share) => share > 0);
  if (used.length < 2) return null;
  const byChance = used.reduce((sum, share) => sum + share * share, 0);
  return (agreement - byChance) / (1 - byChance);
}

function weightOf(weights: KappaWeights, distance: number): number {
  if (weights === 'none') return distance === 0 ? 0 : 1;
  return weights === 'linear' ? Math.abs(distance) : distance * distance;
}

function placesOf(labels: readonly ArrayLike<number>[], categories?: readonly number[]): ReadonlyMap<number, number> {
  const all = categories ?? [...new Set(labels.flatMap((list) => Array.from(list)))].toSorted((a, b) => a - b);
  return new Map(all.map((category, place) => [category, place]));
}

function placeOf(places: ReadonlyMap<number, number>, label: number): number {
  const place = places.get(label);
  if (place === undefined)
    throw badInput(`cohenKappa: labels must be among ${[...places.keys()].join(', ')}, got ${label}`);
  return place;
}

function total(row: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]!;
  return sum;
}
