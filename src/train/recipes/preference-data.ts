import { badInput, unreachable } from '../../core/index.ts';
import {
  createTrlMismatch,
  loadPairs,
  loadRankings,
  loadUnpaired,
  rowsOf,
  withMismatches,
  type DataSource,
  type LoadedData,
  type LoadOptions,
  type RowSet,
  type TextMode,
  type TokenizedUnpaired,
} from '../../data/index.ts';
import type { ResolvedObjective } from '../../objectives/index.ts';
import { loadOptions, takesMismatches, type RunInputs } from '../../policy/index.ts';
import {
  planStages,
  requireUpdates,
  trlRulesOf,
  type DpoSpecification,
  type Stage,
} from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { firstEpochBatches, type OrderOptions } from '../loop/epochs.ts';
import { loadTrainingData, type TrainingData } from '../training-data.ts';
import { chooseSettings, tellFewSteps } from './choose-settings.ts';
import { preferenceRows, type PreferenceRows, type TokenizedPreference } from './preference-rows.ts';
import { rowWarnings } from './row-warnings.ts';

/** Rows of an objective with the steps that they are trained in. */
export interface PlannedPreferences extends TrainingData<TokenizedPreference> {
  readonly stages: readonly Stage[];
  /** How rows of texts became tokens. */
  readonly textRows: TextMode;
  readonly preferences: PreferenceRows;
  /** With the settings that were chosen by the number of rows. */
  readonly specification: DpoSpecification;
}

/**
 * The rows that a specification names, tokenised for its objective and complete, and the plan of their steps. Throws bad-input for rows that lack what
 * the objective reads, and for stages or updates of the reference that no step would see.
 */
export async function readPreferences(
  given: DpoSpecification,
  objective: ResolvedObjective,
  { inputs, context }: { readonly inputs: RunInputs; readonly context: RecipeContext },
): Promise<PlannedPreferences> {
  const { referenceUpdate } = given;
  const trl = trlRulesOf(given.objective.compat, objective);
  const options = loadOptions(given, trl, { inputs, context });
  const read = await loadTrainingData(given, { inputs, context }, (sources) =>
    loadPreferences(objective, sources, options),
  );
  requireColumns(objective, read);
  const counts = {
    rows: read.train.count,
    recipe: 'dpo',
    isCoupled: objective.coupling === 'batch',
    isReferenceFree: !objective.needsReference,
  } as const;
  const specification = chooseSettings(given, counts, context);
  const { batchSize } = specification;
  for (const text of rowWarnings(objective, read.train, batchSize)) context.listener.onWarning?.(text);
  const data = completeRows(objective, read, { specification, options });
  const stages = planStages(
    data.train.count,
    { ...specification, compat: specification.objective.compat },
    referenceUpdate?.kind === 'stepwise' ? referenceUpdate.stages : 1,
  );
  requireUpdates(referenceUpdate, stages);
  tellFewSteps(specification, stages, { counts, context });
  const { textRows } = options;
  return { ...data, specification, stages, textRows, preferences: preferenceRows(objective, data) };
}

/**
 * Rows of the kind that an objective takes, tokenised; other kinds become them where nothing is guessed: a pair is a ranking of two, or a desirable and an
 * undesirable answer. Throws bad-input as the loaders do.
 */
function loadPreferences(
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

type CompleteOptions = Pick<LoadOptions, 'tokenizer' | 'trl'> & { readonly maxLength: number };

/** The data, each answer with one of another prompt where the objective compares with those: of the batch in which it is seen first. */
function completeRows(
  objective: ResolvedObjective,
  data: TrainingData<TokenizedPreference>,
  { specification, options }: { readonly specification: DpoSpecification; readonly options: CompleteOptions },
): TrainingData<TokenizedPreference> {
  if (!takesMismatches(objective)) return data;
  const { tokenizer, maxLength, trl } = options;
  const complete = (set: RowSet<TokenizedPreference>, order: OrderOptions): RowSet<TokenizedPreference> => {
    if (trl === undefined && new Set(set.promptHashes).size < 2)
      throw badInput({
        path: 'objective',
        message: `objective: ${objective.text} compares with answers to other prompts, got ${set.count} rows of one prompt; take apo_zero_unpaired, which does not`,
      });
    const batches = firstEpochBatches(rowsOf(set), order);
    return withMismatches(set as RowSet<TokenizedUnpaired>, {
      batches,
      maxLength,
      ...(trl && { trl: createTrlMismatch(tokenizer, trl, maxLength) }),
    });
  };
  return {
    ...data,
    train: complete(data.train, specification),
    heldOut: data.heldOut && complete(data.heldOut, { ...specification, order: 'sequential', lengthBuckets: false }),
  };
}

/** Throws bad-input naming the rows that lack a margin or weight that was asked for. */
function requireColumns(
  { margins, weights }: ResolvedObjective,
  { train, heldOut }: TrainingData<TokenizedPreference>,
): void {
  const problems = (['margins', 'weights'] as const).flatMap((column) => {
    if (!(column === 'margins' ? margins : weights)) return [];
    return [train, ...(heldOut === undefined ? [] : [heldOut])].flatMap((rows) => {
      const lacking = rows[column].reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
      if (lacking === 0) return [];
      const first = rows.row(rows[column].findIndex((value) => Number.isNaN(value))).id;
      return [
        {
          path: column,
          message: `--${column} needs a field ${column.slice(0, -1)} in every row, ${lacking} of ${rows.count} have none, the first is ${first}; add it or leave the option out`,
        },
      ];
    });
  });
  if (problems.length > 0) throw badInput(problems);
}
