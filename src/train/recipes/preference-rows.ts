import { unreachable } from '../../core/index.ts';
import type { RowSet, TokenizedPair, TokenizedRanking, TokenizedUnpaired } from '../../data/index.ts';
import type { LengthDesensitising, ResolvedObjective } from '../../objectives/index.ts';
import { pairMicroBatch, rankingMicroBatch, unpairedMicroBatch, widthOf, type MicroBatch } from '../../policy/index.ts';
import { pairMetrics, rankingMetrics, unpairedMetrics, type PairOutputs } from '../loop/metrics.ts';
import type { Measure } from '../loop/task.ts';

/** A row of an objective: a pair, an unpaired answer with its label, or a list of answers. */
export type TokenizedPreference = TokenizedPair | TokenizedUnpaired | TokenizedRanking;

/** Rows to train on, and rows that are held out. */
export interface PreferenceSets {
  readonly train: RowSet<TokenizedPreference>;
  readonly heldOut?: RowSet<TokenizedPreference> | undefined;
}

/** How the rows of an objective become batches and metrics. */
export interface PreferenceRows {
  /** Answers side by side: statistics are [R, width]. */
  readonly width: number;
  batch(rows: readonly TokenizedPreference[]): MicroBatch;
  measure(beta: number): Measure;
}

/** How the rows of these data are computed with. */
export function preferenceRows(objective: ResolvedObjective, { train, heldOut }: PreferenceSets): PreferenceRows {
  const sets = [train, ...(heldOut === undefined ? [] : [heldOut])];
  return rowsOfWidth(
    objective,
    widthOf(objective, objective.kind === 'ranking' ? longestRanking(sets as RowSet<TokenizedRanking>[]) : 0),
  );
}

/** How rows with so many answers side by side are computed with. */
export function rowsOfWidth(objective: ResolvedObjective, width: number): PreferenceRows {
  switch (objective.kind) {
    case 'pair':
      return {
        width,
        batch: (rows) => pairMicroBatch(rows as readonly TokenizedPair[]),
        measure: (beta) => measuring(pairMetrics(beta), [], objective.rewardLengths),
      };
    case 'unpaired':
      return {
        width,
        batch: (rows) => unpairedMicroBatch(rows as readonly TokenizedUnpaired[]),
        measure: (beta) => measuring(unpairedMetrics(beta, width), ['labels']),
      };
    case 'ranking':
      return {
        width,
        batch: (rows) => rankingMicroBatch(rows as readonly TokenizedRanking[], width),
        measure: (beta) => measuring(rankingMetrics(beta, width), ['present']),
      };
    default:
      return unreachable(objective);
  }
}

/** Answers of the longest list, at least two. */
export function longestRanking(sets: readonly RowSet<TokenizedRanking>[]): number {
  let longest = 2;
  for (const set of sets)
    for (let row = 0; row < set.count; row++) longest = Math.max(longest, set.row(row).answers.length);
  return longest;
}

/** shared + alpha (full - shared) of each answer. */
function weighed(full: ArrayLike<number>, shared: ArrayLike<number>, alpha: number): Float64Array {
  return Float64Array.from(full, (value, at) => alpha * value + (1 - alpha) * shared[at]!);
}

function referenceOf(
  inputs: MicroBatch['inputs'],
  count: number,
  lengths: LengthDesensitising | undefined,
): ArrayLike<number> {
  const whole = inputs['referenceLogps']?.data ?? new Float32Array(count);
  if (lengths?.ldSides !== 'both') return whole;
  return weighed(whole, inputs['sharedReferenceLogps']!.data, lengths.ldAlpha);
}

/** Sums over micro-batches of rows; without a reference, rewards are measured from 0, as TRL measures them. `lengths`: log-probabilities are those of TRL under ldAlpha. */
function measuring<Name extends string>(
  sums: {
    add(outputs: PairOutputs & Readonly<Record<Name, ArrayLike<number>>>): void;
    result: Measure['result'];
  },
  names: readonly Name[],
  lengths?: LengthDesensitising,
): Measure {
  return {
    add: ({ counts, inputs }, { losses, logps, sharedLogps, entropies, meanLogits }) =>
      sums.add({
        losses: losses!.data,
        logps: lengths === undefined ? logps!.data : weighed(logps!.data, sharedLogps!.data, lengths.ldAlpha),
        entropies: entropies!.data,
        meanLogits: meanLogits!.data,
        counts,
        referenceLogps: referenceOf(inputs, counts.length, lengths),
        ...(Object.fromEntries(names.map((name) => [name, inputs[name]!.data])) as unknown as Record<
          Name,
          ArrayLike<number>
        >),
      }),
    result: sums.result,
  };
}
