import { badInput, shownValue } from '../../core/index.ts';
import { hashFraction, hashText } from '../hash.ts';

/** A name of data, and how often an epoch has each of its rows. */
export interface WeightedName {
  readonly name: string;
  /** undefined when none was written. */
  readonly weight: number | undefined;
}

const MAX_WEIGHT = 100;

/**
 * `b.parquet=0.3` taken apart. The weight is how often an epoch has each row, on average: 0.3 takes three rows of ten, 2 takes
 * every row twice, 1 changes nothing. Shares of rows and not of the mixture, so that a weight means the same whatever stands
 * beside it. Throws bad-input for a weight that is not in (0, 100].
 */
export function parseWeightedName(text: string): WeightedName {
  const match = /^(.+)=([^=/\\]*)$/.exec(text);
  if (match === null) return { name: text, weight: undefined };
  const weight = match[2]!.trim() === '' ? Number.NaN : Number(match[2]);
  if (!(weight > 0 && weight <= MAX_WEIGHT))
    throw badInput({
      file: match[1]!,
      message: `the weight behind = must be a number above 0 and at most ${MAX_WEIGHT}, got ${shownValue(match[2])}; 0.3 takes three rows of ten, 2 takes each twice`,
    });
  return { name: match[1]!, weight };
}

/**
 * How often row `row` of source `source` (both 0-based) is taken: weight rounded down, and once more with the rest as its
 * probability. Depends on the seed and the place alone, so the same rows are taken on every machine and in every pass.
 */
export function copiesOf(weight: number, { seed, source, row }: { seed: number; source: number; row: number }): number {
  const whole = Math.floor(weight);
  const rest = weight - whole;
  if (rest === 0) return whole;
  return whole + (hashFraction(hashText(`${seed} ${source} ${row}`)) < rest ? 1 : 0);
}

/** What a source gave to a mixture. */
export interface SourceShare {
  readonly name: string;
  readonly weight: number;
  /** Valid rows that were read, and how many rows they became. */
  readonly rows: number;
  readonly used: number;
}

/** Lines for people, when there is more to say than one file's name: `b.parquet, weight 0.3: 301 of 1000 rows`. */
export function mixtureLines(shares: readonly SourceShare[]): string[] {
  if (shares.length < 2 && shares.every(({ weight }) => weight === 1)) return [];
  const total = shares.reduce((sum, { used }) => sum + used, 0);
  return shares.map(({ name, weight, rows, used }) => {
    const share = total === 0 ? 0 : (100 * used) / total;
    const taken = weight === 1 ? `${used} rows` : `weight ${weight}, ${used} rows of ${rows}`;
    return `${name}: ${taken}, ${share.toFixed(1)} % of all`;
  });
}
