import { percent } from '../core/index.ts';
import { wilsonInterval, type Interval } from '../statistics/index.ts';
import { counted, severityOf, type DataFinding } from './finding.ts';
import type { RowTable } from './row-table.ts';

/**
 * Implicit reward margins of rows under a model that was not trained on them, by row of the table; NaN where a row was not scored.
 * Margin = beta (log pi(chosen) / ref(chosen) - log pi(rejected) / ref(rejected)).
 */
export type HeldOutMargins = (table: RowTable) => Promise<Float64Array>;

export interface Mislabelled {
  readonly scored: number;
  /** How often the margin is positive (0 counts one half), with Wilson's interval. */
  readonly accuracy: number;
  readonly interval: Interval;
  /** Rows at least this sure to be the other way round are suspected. */
  readonly threshold: number;
  /** Rows of the table, the surest first. */
  readonly suspects: readonly number[];
  readonly margins: Float64Array;
}

/**
 * Pairs that the model would order the other way round, as surely as it orders the average pair rightly: sigmoid(-margin) >= mean of
 * sigmoid(margin) over all scored pairs. Undefined when nothing was scored; without suspects when the model does not order held-out pairs
 * better than chance, since then its doubts mean nothing.
 *
 * Source: the per-class threshold of confident learning (Northcutt, Jiang, Chuang 2021, equation 2); the two classes, right and swapped, are
 * mirror images here, so that there is one threshold.
 */
export function suspectMislabelled(margins: Float64Array): Mislabelled | undefined {
  const scored = Array.from(margins.keys()).filter((row) => !Number.isNaN(margins[row]!));
  if (scored.length === 0) return undefined;
  let wins = 0;
  let confidence = 0;
  for (const row of scored) {
    const margin = margins[row]!;
    wins += margin > 0 ? 1 : margin === 0 ? 0.5 : 0;
    confidence += 1 / (1 + Math.exp(-margin)) / scored.length;
  }
  const interval = wilsonInterval(wins, scored.length)!;
  const threshold = confidence;
  const suspects = interval.low > 0.5 ? scored.filter((row) => 1 / (1 + Math.exp(margins[row]!)) >= threshold) : [];
  return {
    scored: scored.length,
    accuracy: wins / scored.length,
    interval,
    threshold,
    margins,
    suspects: suspects.toSorted((a, b) => margins[a]! - margins[b]!),
  };
}

export function findMislabelled(result: Mislabelled | undefined, { place }: RowTable): DataFinding[] {
  if (result === undefined) return [];
  const { scored, accuracy, interval, suspects } = result;
  const trust = `held out, the model orders ${percent(accuracy)} (${percent(interval.low)} to ${percent(interval.high)}) of ${counted(scored, 'pair')} as labelled`;
  const count = suspects.length;
  const chosen = new Set(suspects);
  return [
    {
      kind: 'mislabelled',
      severity: count === 0 ? 'note' : severityOf(count / scored, { serious: 0.1, warning: 0 }),
      count,
      sentence:
        interval.low > 0.5
          ? `${counted(count, 'pair')} (${percent(count / scored)}) may have their sides swapped; ${trust}`
          : `${trust}, which may be chance: it cannot say which labels are wrong`,
      advice:
        interval.low > 0.5
          ? 'look at the surest first; swap or drop what is wrong: preftune data clean --apply mislabelled'
          : 'train longer or on more rows, or take a larger model',
      places: place.filter((_, row) => chosen.has(row)),
      values: { scored, accuracy, low: interval.low, high: interval.high },
    },
  ];
}
