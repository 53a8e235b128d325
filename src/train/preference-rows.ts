import { badInput, unreachable } from '../core/index.ts';
import {
  loadUnpaired,
  loadRankings,
  loadPairs,
  withMismatches,
  type DataSource,
  type LoadedData,
  type LoadOptions,
  type RowSet,
  type TokenizedUnpaired,
  type TokenizedRanking,
  type TokenizedPair,
} from '../data/index.ts';
import type { ResolvedObjective } from '../objectives/index.ts';
import {
  unpairedMicroBatch,
  rankingMicroBatch,
  pairMicroBatch,
  type MicroBatch,
  takesMismatches,
  widthOf,
} from '../policy/index.ts';
import { unpairedMetrics, rankingMetrics, pairMetrics, type PairOutputs } from './loop/metrics.ts';
import type { Measure } from './loop/task.ts';
import type { TrainingData } from './training-data.ts';

/** A row of an objective: a pair, an unpaired answer with its label, or a list of answers. */
export type TokenizedPreference = TokenizedPair | TokenizedUnpaired | TokenizedRanking;

/** How the rows of an objective become batches and metrics. */
export interface PreferenceRows {
  /** Answers side by side: statistics are [R, width]. */
  readonly width: number;
  batch(rows: readonly TokenizedPreference[]): MicroBatch;
  measure(beta: number): Measure;
}

/**
 * Rows of the kind that an objective takes, tokenised; other kinds become them where nothing is guessed: a pair is a ranking of two, or a desirable and an
 * undesirable answer. Throws bad-input as the loaders do.
 */
export function loadPreferences(
  { kind, terms }: ResolvedObjective,
  sources: readonly DataSource[],
  options: LoadOptions,
): Promise<LoadedData<TokenizedPreference>> {
  switch (kind) {
    case 'pair':
      return loadPairs(sources, options);
    case 'unpaired':
      return loadUnpaired(sources, options);
    case 'ranking':
      // Only a loss to which the best answer alone is different needs no order among the others.
      return loadRankings(sources, {
        ...options,
        ties: terms.every(({ loss }) => loss.name === 'softmax_dpo') ? 'best' : 'order',
      });
    default:
      return unreachable(kind);
  }
}

/** Batches in which rows are seen for the first time. */
export interface FirstBatches {
  readonly train: readonly (readonly number[])[];
  readonly heldOut: readonly (readonly number[])[];
  readonly maxLength: number;
}

/** The data, each answer with one of another prompt where the objective compares with those. */
export function completeRows(
  objective: ResolvedObjective,
  data: TrainingData<TokenizedPreference>,
  { train, heldOut, maxLength }: FirstBatches,
): TrainingData<TokenizedPreference> {
  if (!takesMismatches(objective)) return data;
  const complete = (
    set: RowSet<TokenizedPreference>,
    batches: readonly (readonly number[])[],
  ): RowSet<TokenizedPreference> => {
    if (new Set(set.promptHashes).size < 2)
      throw badInput({
        path: 'objective',
        message: `objective: ${objective.text} compares with answers to other prompts, got ${set.count} rows of one prompt; take apo_zero_unpaired, which does not`,
      });
    return withMismatches(set as RowSet<TokenizedUnpaired>, { batches, maxLength });
  };
  return {
    ...data,
    train: complete(data.train, train),
    heldOut: data.heldOut && complete(data.heldOut, heldOut),
  };
}

/** How the rows of these data are computed with. */
export function preferenceRows(
  objective: ResolvedObjective,
  { train, heldOut }: TrainingData<TokenizedPreference>,
): PreferenceRows {
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
        measure: measurePairs,
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

function longestRanking(sets: readonly RowSet<TokenizedRanking>[]): number {
  let longest = 2;
  for (const set of sets)
    for (let row = 0; row < set.count; row++) longest = Math.max(longest, set.row(row).answers.length);
  return longest;
}

/** Sums over micro-batches of rows; without a reference, rewards are measured from 0, as TRL measures them. */
function measuring<Name extends string>(
  sums: {
    add(outputs: PairOutputs & Readonly<Record<Name, ArrayLike<number>>>): void;
    result: Measure['result'];
  },
  names: readonly Name[],
): Measure {
  return {
    add: ({ counts, inputs }, { losses, logps, entropies, meanLogits }) =>
      sums.add({
        losses: losses!.data,
        logps: logps!.data,
        entropies: entropies!.data,
        meanLogits: meanLogits!.data,
        counts,
        referenceLogps: inputs['referenceLogps']?.data ?? new Float32Array(counts.length),
        ...(Object.fromEntries(names.map((name) => [name, inputs[name]!.data])) as unknown as Record<
          Name,
          ArrayLike<number>
        >),
      }),
    result: sums.result,
  };
}

/** pairMetrics over micro-batches of pairs; without a reference, rewards are measured from 0, as TRL measures them. */
export function measurePairs(beta: number): Measure {
  return measuring(pairMetrics(beta), []);
}

/** TRL's bounds for lambda_D n_D / (lambda_U n_U). Source: Ethayarajh et al. 2024, section 4.3. */
const BALANCED = { least: 1, most: 4 / 3 } as const;

/** What is odd about the rows for the objective, in sentences. */
export function rowWarnings(
  objective: ResolvedObjective,
  rows: RowSet<TokenizedPreference>,
  batchSize: number,
): readonly string[] {
  if (objective.kind === 'unpaired') return labelWarnings(objective, rows, batchSize);
  const takesGold = objective.terms.some(({ loss: { name } }) => name === 'tpo' || name === 'tpo_l');
  if (!takesGold || longestRanking([rows as RowSet<TokenizedRanking>]) > 2) return [];
  return [
    `no list has three answers: ${objective.text} imitates the better of the two and prefers it to the other, as cpo does; rank or score a gold answer above them to train on triples`,
  ];
}

/** What is odd about the labels of unpaired answers: one class alone, classes out of balance, batches too small. */
function labelWarnings(
  objective: ResolvedObjective,
  rows: RowSet<TokenizedPreference>,
  batchSize: number,
): readonly string[] {
  let desirable = 0;
  for (let row = 0; row < rows.count; row++) desirable += (rows as RowSet<TokenizedUnpaired>).row(row).label;
  const undesirable = rows.count - desirable;
  const warnings: string[] = [];
  if (desirable === 0 || undesirable === 0) {
    warnings.push(
      `all ${rows.count} answers are ${desirable === 0 ? 'undesirable' : 'desirable'}: the model learns no difference, only to make them ${desirable === 0 ? 'less' : 'more'} likely; add answers of the other kind`,
    );
  } else {
    for (const { loss, options } of objective.terms.filter(({ loss: { name } }) => name === 'kto')) {
      const [up, down] = [Number(options['desirableWeight']), Number(options['undesirableWeight'])];
      const ratio = (up * desirable) / (down * undesirable);
      if (ratio >= BALANCED.least && ratio <= BALANCED.most) continue;
      const wanted = ((undesirable * down) / desirable).toPrecision(3);
      warnings.push(
        `${desirable} desirable and ${undesirable} undesirable answers with weights ${up} and ${down}: ${loss.name} is balanced where the first weigh 1 to 4/3 times the second; try --desirable-weight ${wanted}`,
      );
    }
  }
  if (takesMismatches(objective) && batchSize < 4)
    warnings.push(
      `--batch-size ${batchSize} gives ${objective.text} a poor estimate of the reference point, which is a mean over the batch; take 8 or more`,
    );
  return warnings;
}
