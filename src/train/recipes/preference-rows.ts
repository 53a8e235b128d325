import { unreachable } from '../../core/index.ts';
import type { RowSet, TokenizedPair, TokenizedRanking, TokenizedUnpaired } from '../../data/index.ts';
import {
  implicitReward,
  type LengthDesensitising,
  type ObjectiveReward,
  type ResolvedObjective,
} from '../../objectives/index.ts';
import { pairMicroBatch, rankingMicroBatch, unpairedMicroBatch, widthOf, type MicroBatch } from '../../policy/index.ts';
import {
  pairMetrics,
  rankingMetrics,
  unpairedMetrics,
  type PairOutputs,
  type UnpairedOutputs,
} from '../loop/metrics.ts';
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
        measure: (beta) => measuring(pairMetrics(), [], { ...objective.reward, beta }),
      };
    case 'unpaired':
      return {
        width,
        batch: (rows) => unpairedMicroBatch(rows as readonly TokenizedUnpaired[]),
        measure: (beta) => measuring(unpairedMetrics(width), ['labels'], { ...objective.reward, beta }),
      };
    case 'ranking':
      return {
        width,
        batch: (rows) => rankingMicroBatch(rows as readonly TokenizedRanking[], width),
        measure: (beta) =>
          measuring(rankingMetrics(width, comparedBy(objective)), ['present'], { ...objective.reward, beta }),
      };
    default:
      return unreachable(objective);
  }
}

/** Of the losses of lists, which answers the first one compares. */
function comparedBy({ terms }: ResolvedObjective): 'first' | 'second' {
  return terms[0]!.loss.compares;
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

/** Sums over micro-batches of rows. Rewards are the objective's own; without a reference they are measured from 0, as TRL measures them. */
function measuring<Name extends string>(
  sums: {
    add(
      outputs: PairOutputs & Pick<UnpairedOutputs, 'referenceLogps'> & Readonly<Record<Name, ArrayLike<number>>>,
    ): void;
    result: Measure['result'];
    compared?: Measure['compared'];
  },
  names: readonly Name[],
  { form, beta, lengths, weighsLogps }: ObjectiveReward,
): Measure {
  return {
    add: ({ counts, inputs }, { losses, logps, sharedLogps, sequentialKl, entropies, meanLogits }) => {
      const whole = logps!.data;
      const seen = lengths === undefined ? whole : weighed(whole, sharedLogps!.data, lengths.ldAlpha);
      const referenceLogps = referenceOf(inputs, counts.length, lengths);
      const rewards = Float64Array.from(seen, (value, at) =>
        implicitReward(form, beta, {
          logps: value,
          referenceLogps: referenceLogps[at]!,
          tokens: counts[at]!,
          ...(sequentialKl && { sequentialKl: sequentialKl.data[at]! }),
        }),
      );
      sums.add({
        losses: losses!.data,
        logps: weighsLogps ? seen : whole,
        entropies: entropies!.data,
        meanLogits: meanLogits!.data,
        counts,
        rewards,
        referenceLogps,
        ...(Object.fromEntries(names.map((name) => [name, inputs[name]!.data])) as unknown as Record<
          Name,
          ArrayLike<number>
        >),
      });
    },
    result: sums.result,
    compared: sums.compared,
  };
}
