import { badInput, type HostTensor } from '../../core/index.ts';
import { type RowSet, rowsOf } from '../../data/index.ts';
import type { ResolvedObjective } from '../../objectives/index.ts';
import {
  BASE_ERROR_ROWS,
  measureBaseError,
  measuredOf,
  type BaseError,
  preferenceCotangentGraph,
  preferenceForwardGraph,
  preferenceLossGraph,
  preferenceScoreGraph,
  referenceStatistics,
  type PreferenceModels,
  type OpenedModel,
  openInputs,
  type RunInputs,
  loadOptions,
} from '../../policy/index.ts';
import type { RecipeContext, RecipeResult } from '../context.ts';
import { createCoupledObjective } from '../loop/coupled-objective.ts';
import {
  completeRows,
  rowWarnings,
  loadPreferences,
  preferenceRows,
  type TokenizedPreference,
  type PreferenceRows,
} from '../preference-rows.ts';
import { evaluationMicroBatches, firstEpochBatches, firstEpochMicroBatches } from '../loop/loop.ts';
import {
  isReferenceStored,
  referenceLogps,
  type ReferenceIdentity,
  type ReferenceValues,
  type ScoredRows,
  compileScores,
  referenceOfModel,
  type Reference,
} from '../../score/index.ts';
import { createMovingReference, type MovingReference } from '../loop/reference-update.ts';
import {
  requireUpdates,
  type ReferenceUpdate,
  planStages,
  type Stage,
  totalStepsOf,
  objectiveOf,
  type DpoSpecification,
  type ObjectiveSpecification,
} from '../../specification/index.ts';
import { samplePrompts } from '../samples.ts';
import { openSession, trainInRunFolder, type Session } from '../session.ts';
import { loadTrainingData, type TrainingData } from '../training-data.ts';
import type { Split, Task } from '../loop/task.ts';

/**
 * Preference optimization, from a specification to a run folder: open the model, tokenise the rows that the objective takes (pairs, unpaired answers
 * with labels, lists), compute the reference once, train, save. Throws bad-input, run-failed and cancelled as its parts do; nothing half-written is left behind.
 */
export async function trainDpo(specification: DpoSpecification, context: RecipeContext): Promise<RecipeResult> {
  const inputs = await openInputs(specification, context);
  let session: Session | undefined;
  try {
    const objective = objectiveOf(specification.objective);
    const options = loadOptions(specification, { inputs, context });
    const read = await loadTrainingData(specification, { inputs, context }, (sources) =>
      loadPreferences(objective, sources, options),
    );
    requireColumns(objective, read);
    for (const text of rowWarnings(objective, read.train, specification.batchSize)) context.listener.onWarning?.(text);
    const data = completeRows(objective, read, {
      train: firstEpochBatches(rowsOf(read.train), specification),
      heldOut:
        read.heldOut === undefined
          ? []
          : firstEpochBatches(rowsOf(read.heldOut), { ...specification, order: 'sequential', lengthBuckets: false }),
      maxLength: options.maxLength,
    });
    const preferences = preferenceRows(objective, data);
    const { referenceUpdate } = specification;
    const parts = referenceUpdate?.kind === 'stepwise' ? referenceUpdate.stages : 1;
    const stages = planStages(data.train.count, specification, parts);
    requireUpdates(referenceUpdate, stages);
    // A run of few steps needs the reference of few rows.
    const trained = firstEpochBatches(rowsOf(data.train), specification, totalStepsOf(stages));
    const lacking = objective.needsReference
      ? await lackingReference(inputs, { objective, data, preferences, trained: trained.flat() }, context)
      : undefined;
    session = await openSession(specification, inputs, {
      context,
      movesReference: referenceUpdate !== undefined,
      ...(lacking && { reference: lacking.config }),
    });
    const baseError = await baseErrorOf(session, data.train, { preferences, context });
    const reference = await openReference(specification, inputs, { session, objective, preferences });
    const valuesOf = async (set: RowSet<TokenizedPreference>, groups: number[][]): Promise<RowsWithReference> => {
      if (!objective.needsReference) return { set, reference: undefined };
      const { values } = await referenceLogps({
        identity: identityOf(reference, set, objective),
        rows: scoredRows(set, preferences),
        cache: context.referenceCache,
        open: reference.open,
        groups,
        ...(context.listener.onReference === undefined ? {} : { onProgress: context.listener.onReference }),
        ...(context.signal === undefined ? {} : { signal: context.signal }),
      });
      return { set, reference: values };
    };
    const movingReference =
      referenceUpdate &&
      (await movingReferenceOf(session, specification, {
        update: referenceUpdate,
        objective,
        stages,
        preferences,
      }));
    // Cut as the policy will see them: where it is the reference, both then have the same bits in step 1 and in evaluation 0.
    const train =
      movingReference === undefined
        ? await valuesOf(data.train, firstEpochMicroBatches(rowsOf(data.train), specification, totalStepsOf(stages)))
        : { set: data.train, reference: undefined };
    const heldOut =
      data.heldOut &&
      (await valuesOf(
        data.heldOut,
        evaluationMicroBatches(
          rowsOf(data.heldOut),
          specification.microBatchTokens,
          objective.coupling === 'batch' ? specification.batchSize : undefined,
        ),
      ));
    await reference.dispose();
    const { betaSchedule } = specification.objective;
    const coupled =
      objective.coupling === 'batch'
        ? await createCoupledObjective(session.device, objective, {
            betaInput: betaSchedule !== undefined,
            width: preferences.width,
          })
        : undefined;
    return await trainInRunFolder({
      session,
      specification,
      context,
      stages,
      task: {
        ...preferenceTask({ train, heldOut }, objective, preferences),
        coupled,
        movingReference,
        ...betaOf(specification.objective, objective),
      },
      graphs: graphsOf(session, objective, { width: preferences.width, betaInput: betaSchedule !== undefined }),
      reports: data.reports,
      promptsOf: (tokenizer) => samplePrompts(data.heldOut ?? data.train, tokenizer, specification.samples),
      identity: {
        reference: objective.needsReference
          ? {
              weights: reference.fingerprint,
              model: specification.reference ?? specification.model,
              adapter: specification.adapter ?? null,
              precision: reference.precision,
            }
          : null,
        data: { train: data.train.fingerprint, heldOut: data.heldOut?.fingerprint ?? null, rows: data.train.count },
        ...measuredOf(baseError),
      },
    });
  } finally {
    await session?.dispose();
    await inputs.close();
  }
}

/** The graphs of training and evaluation. An objective of single rows has one pass; one of batches stands between two. */
function graphsOf(
  { policy }: Session,
  objective: ResolvedObjective,
  options: { readonly width: number; readonly betaInput: boolean },
) {
  const { parameters } = policy;
  const { width } = options;
  const models = (decoder: PreferenceModels['decoder']): PreferenceModels => ({
    decoder,
    reference: policy.keepsReference ? policy.reference : undefined,
  });
  const [training, evaluation] = [models(policy.training), models(policy.evaluation)];
  if (objective.coupling === 'rows')
    return {
      train: preferenceLossGraph(training, objective, { ...options, parameters }),
      evaluate: preferenceLossGraph(evaluation, objective, { ...options, parameters: [] }),
    };
  return {
    train: preferenceCotangentGraph(training, objective, { parameters, width }),
    evaluate: preferenceForwardGraph(evaluation, objective, width),
    ...(policy.training === policy.evaluation
      ? {}
      : { statistics: preferenceForwardGraph(training, objective, width) }),
  };
}

/** beta from its first value to the last, at the end of training, in equal steps or along half a cosine. */
function betaOf(
  { betaSchedule, options }: ObjectiveSpecification,
  { rewardBeta }: ResolvedObjective,
): Pick<Task, 'betaAt'> {
  if (betaSchedule === undefined) return {};
  const { name, end } = betaSchedule;
  const start = typeof options['beta'] === 'number' ? options['beta'] : rewardBeta;
  return {
    betaAt: (step, totalSteps) => {
      const done = totalSteps <= 1 ? 1 : step / (totalSteps - 1);
      return start + (end - start) * (name === 'linear' ? done : (1 - Math.cos(Math.PI * done)) / 2);
    },
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

/** The policy's own start, or the model that --reference names. */
async function openReference(
  { microBatchTokens }: DpoSpecification,
  { reference }: RunInputs,
  {
    session: { device, policy, model },
    objective,
    preferences: { width },
  }: { readonly session: Session; readonly objective: ResolvedObjective; readonly preferences: PreferenceRows },
): Promise<Reference> {
  const statistics = referenceStatistics(objective);
  if (reference !== undefined) return referenceOfModel(device, reference, { microBatchTokens, statistics, width });
  const resident = new Map([...model.weights, ...policy.initial]);
  return {
    fingerprint: policy.startFingerprint,
    precision: model.base?.arithmetic ?? 'float32',
    open: () =>
      compileScores(device, policy.reference, { label: 'reference', resident, microBatchTokens, statistics, width }),
    dispose: async () => {},
  };
}

/** The copy of the policy that follows it: after every so many steps, or after each stage. */
function movingReferenceOf(
  { device, policy, model }: Session,
  { microBatchTokens }: DpoSpecification,
  {
    update,
    objective,
    stages,
    preferences: { width },
  }: { update: ReferenceUpdate; objective: ResolvedObjective; stages: readonly Stage[]; preferences: PreferenceRows },
): Promise<MovingReference> {
  const statistics = referenceStatistics(objective);
  const begins = new Set(stages.slice(1).map(({ firstStep }) => firstStep));
  return createMovingReference(
    { device, parameters: policy.parameters, current: policy.initial },
    {
      isDue: (step) => (update.kind === 'stepwise' ? begins.has(step) : step % update.every === 0),
      mix: update.kind === 'soft' ? update.mix : 1,
      inputs: REFERENCE_INPUTS,
      compile: (copies) => {
        const resident = new Map([...model.weights, ...policy.initial, ...copies]);
        const label = 'moving reference';
        return compileScores(device, policy.evaluation, { label, resident, microBatchTokens, statistics, width });
      },
    },
  );
}

function identityOf(
  { fingerprint: weights, precision }: Pick<Reference, 'fingerprint' | 'precision'>,
  { fingerprint: rows }: RowSet<TokenizedPreference>,
  objective: ResolvedObjective,
): ReferenceIdentity {
  const statistics = referenceStatistics(objective);
  return { weights, rows, precision, ...(statistics.length > 0 && { statistics }) };
}

/** What a compact base loses, on the first rows; run.json of a resumed run has it already. */
function baseErrorOf(
  { opened, device, model }: Session,
  rows: RowSet<TokenizedPreference>,
  { preferences, context }: { readonly preferences: PreferenceRows; readonly context: RecipeContext },
): Promise<BaseError | undefined> {
  if (context.isResuming) return Promise.resolve(undefined);
  const count = Math.min(BASE_ERROR_ROWS, rows.count);
  const batches = Array.from({ length: count }, (_, row) => preferences.batch([rows.row(row)]));
  return measureBaseError({
    opened,
    device,
    model,
    scoreGraph: (decoder) => preferenceScoreGraph(decoder, { width: preferences.width }),
    batches,
    context,
  });
}

/** The model of --reference, where it must be loaded because log-probabilities of it are not stored. */
async function lackingReference(
  { reference }: RunInputs,
  {
    objective,
    data: { train, heldOut },
    preferences: { width },
    trained,
  }: {
    readonly objective: ResolvedObjective;
    readonly data: TrainingData<TokenizedPreference>;
    readonly preferences: PreferenceRows;
    readonly trained: readonly number[];
  },
  { referenceCache }: RecipeContext,
): Promise<OpenedModel | undefined> {
  if (reference === undefined) return undefined;
  const other = { fingerprint: await reference.files.checkpoint.fingerprint(), precision: 'float32' };
  const wanted = [{ set: train, rows: trained }];
  if (heldOut !== undefined)
    wanted.push({ set: heldOut, rows: Array.from({ length: heldOut.count }, (_, row) => row) });
  for (const { set, rows } of wanted)
    if (
      !(await isReferenceStored(identityOf(other, set, objective), referenceCache, { count: set.count, width, rows }))
    )
      return reference;
  return undefined;
}

interface RowsWithReference {
  readonly set: RowSet<TokenizedPreference>;
  /** Undefined where the objective has no reference. */
  readonly reference: ReferenceValues | undefined;
}

function scoredRows(set: RowSet<TokenizedPreference>, { width, batch }: PreferenceRows): ScoredRows {
  return { set, width, batch: (rows) => batch(rows.map((row) => set.row(row))) };
}

/** Names of the graphs' inputs by the reference's statistics. */
const REFERENCE_INPUTS: Readonly<Record<string, string>> = {
  logps: 'referenceLogps',
  sharedLogps: 'sharedReferenceLogps',
};

function preferenceTask(
  splits: { readonly train: RowsWithReference; readonly heldOut: RowsWithReference | undefined },
  objective: ResolvedObjective,
  preferences: PreferenceRows,
): Task {
  const { width } = preferences;
  const of = (split: Split): RowsWithReference => (split === 'train' ? splits.train : splits.heldOut!);
  return {
    train: rowsOf(splits.train.set),
    heldOut: splits.heldOut && rowsOf(splits.heldOut.set),
    lossScale: (rows) => 1 / rows.length,
    batch: (split, rows) => {
      const { set, reference } = of(split);
      const batch = preferences.batch(rows.map((row) => set.row(row)));
      const answers = Object.entries(reference ?? {}).map(([name, values]) => [
        REFERENCE_INPUTS[name]!,
        float32(
          [rows.length, width],
          rows.flatMap((row) => [...values.subarray(width * row, width * (row + 1))]),
        ),
      ]);
      const columns = (['margins', 'weights'] as const).map((name) => [
        name,
        float32(
          [rows.length],
          rows.map((row) => set[name][row]!),
        ),
      ]);
      return { ...batch, inputs: { ...batch.inputs, ...Object.fromEntries([...answers, ...columns]) } };
    },
    measure: (beta) => preferences.measure(beta ?? objective.rewardBeta),
  };
}

function float32(shape: readonly number[], values: readonly number[]): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}
