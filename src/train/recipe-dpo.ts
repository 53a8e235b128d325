import { badInput, type HostTensor } from '../core/index.ts';
import { loadPreferencePairs, type RowSet, type TokenizedPair } from '../data/index.ts';
import { BASE_ERROR_ROWS, measureBaseError, measuredOf, type BaseError } from './base-error.ts';
import { pairMicroBatch } from './batches.ts';
import type { RecipeContext, RecipeResult } from './context.ts';
import { createCoupledObjective } from './coupled-objective.ts';
import { pairMetrics } from './metrics.ts';
import {
  forwardGraph,
  pairCotangentGraph,
  pairObjectiveGraph,
  pairScoreGraph,
  referenceStatistics,
  requirePairs,
  type PairModels,
  type PairObjective,
} from './pair-graphs.ts';
import { allMicroBatches, firstEpochMicroBatches } from './loop.ts';
import type { OpenedModel } from './prepare.ts';
import { isReferenceStored, referenceLogps, type ReferenceIdentity, type ReferenceValues } from './reference.ts';
import { compilePairScores, referenceOfModel, type Reference } from './reference-model.ts';
import { createMovingReference, type MovingReference } from './reference-update.ts';
import { requireUpdates, type ReferenceUpdate } from './specification-reference.ts';
import { planStages, type Stage } from './stages.ts';
import { openInputs, type RunInputs } from './inputs.ts';
import { samplePrompts } from './samples.ts';
import { openSession, trainInRunFolder, type Session } from './session.ts';
import { loadOptions, loadTrainingData, type TrainingData } from './training-data.ts';
import { objectiveOf, type DpoSpecification, type ObjectiveSpecification } from './specification.ts';
import { rowsOf, type Measure, type Split, type Task } from './task.ts';

/**
 * Preference optimization, from a specification to a run folder: open the model, tokenise the pairs, compute the reference
 * once, train, save. Throws bad-input, run-failed and cancelled as its parts do; nothing half-written is left behind.
 */
export async function trainDpo(specification: DpoSpecification, context: RecipeContext): Promise<RecipeResult> {
  const inputs = await openInputs(specification, context);
  let session: Session | undefined;
  try {
    const { opened } = inputs;
    const data = await loadTrainingData(specification, { inputs, context }, (sources) =>
      loadPreferencePairs(sources, loadOptions(specification, { opened, context })),
    );
    const objective = requirePairs(objectiveOf(specification.objective));
    requireColumns(objective, data);
    const { referenceUpdate } = specification;
    const parts = referenceUpdate?.kind === 'stepwise' ? referenceUpdate.stages : 1;
    const stages = planStages(data.train.count, specification, parts);
    requireUpdates(referenceUpdate, stages);
    const lacking = objective.needsReference ? await lackingReference(inputs, { objective, data }, context) : undefined;
    session = await openSession(specification, inputs, {
      context,
      movesReference: referenceUpdate !== undefined,
      ...(lacking && { reference: lacking.config }),
    });
    const baseError = await baseErrorOf(session, data.train, context);
    const reference = await openReference(specification, inputs, { session, objective });
    const valuesOf = async (pairs: RowSet<TokenizedPair>, groups: number[][]): Promise<PairsWithReference> => {
      if (!objective.needsReference) return { pairs, reference: undefined };
      const { values } = await referenceLogps({
        identity: identityOf(reference, pairs, objective),
        pairs,
        cache: context.referenceCache,
        open: reference.open,
        groups,
        ...(context.listener.onReference === undefined ? {} : { onProgress: context.listener.onReference }),
        ...(context.signal === undefined ? {} : { signal: context.signal }),
      });
      return { pairs, reference: values };
    };
    const movingReference =
      referenceUpdate &&
      (await movingReferenceOf(session, specification, { update: referenceUpdate, objective, stages }));
    // Cut as the policy will see them: where it is the reference, both then have the same bits in step 1 and in evaluation 0.
    const train =
      movingReference === undefined
        ? await valuesOf(data.train, firstEpochMicroBatches(rowsOf(data.train), specification))
        : { pairs: data.train, reference: undefined };
    const heldOut =
      data.heldOut &&
      (await valuesOf(data.heldOut, allMicroBatches(rowsOf(data.heldOut), specification.microBatchTokens)));
    await reference.dispose();
    const { betaSchedule } = specification.objective;
    const coupled =
      objective.coupling === 'batch'
        ? await createCoupledObjective(session.device, objective, { betaInput: betaSchedule !== undefined })
        : undefined;
    return await trainInRunFolder({
      session,
      specification,
      context,
      stages,
      task: {
        ...pairTask({ train, heldOut }, objective),
        coupled,
        movingReference,
        ...betaOf(specification.objective, objective),
      },
      graphs: graphsOf(session, objective, betaSchedule !== undefined),
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
function graphsOf({ policy }: Session, objective: PairObjective, betaInput: boolean) {
  const { parameters } = policy;
  const models = (decoder: PairModels['decoder']): PairModels => ({
    decoder,
    reference: policy.keepsReference ? policy.reference : undefined,
  });
  const [training, evaluation] = [models(policy.training), models(policy.evaluation)];
  if (objective.coupling === 'rows')
    return {
      train: pairObjectiveGraph(training, objective, { parameters, betaInput }),
      evaluate: pairObjectiveGraph(evaluation, objective, { parameters: [], betaInput }),
    };
  return {
    train: pairCotangentGraph(training, objective, { parameters }),
    evaluate: forwardGraph(evaluation, objective),
    ...(policy.training === policy.evaluation ? {} : { statistics: forwardGraph(training, objective) }),
  };
}

/** beta from its first value to the last, at the end of training, in equal steps or along half a cosine. */
function betaOf(
  { betaSchedule, options }: ObjectiveSpecification,
  { rewardBeta }: PairObjective,
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
function requireColumns({ margins, weights }: PairObjective, { train, heldOut }: TrainingData<TokenizedPair>): void {
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
  { session: { device, policy, model }, objective }: { readonly session: Session; readonly objective: PairObjective },
): Promise<Reference> {
  const statistics = referenceStatistics(objective);
  if (reference !== undefined) return referenceOfModel(device, reference, { microBatchTokens, statistics });
  const resident = new Map([...model.weights, ...policy.initial]);
  return {
    fingerprint: policy.startFingerprint,
    precision: model.base?.arithmetic ?? 'float32',
    open: () =>
      compilePairScores(device, policy.reference, { label: 'reference', resident, microBatchTokens, statistics }),
    dispose: async () => {},
  };
}

/** The copy of the policy that follows it: after every so many steps, or after each stage. */
function movingReferenceOf(
  { device, policy, model }: Session,
  { microBatchTokens }: DpoSpecification,
  { update, objective, stages }: { update: ReferenceUpdate; objective: PairObjective; stages: readonly Stage[] },
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
        return compilePairScores(device, policy.evaluation, { label, resident, microBatchTokens, statistics });
      },
    },
  );
}

function identityOf(
  { fingerprint: weights, precision }: Pick<Reference, 'fingerprint' | 'precision'>,
  { fingerprint: rows }: RowSet<TokenizedPair>,
  objective: PairObjective,
): ReferenceIdentity {
  const statistics = referenceStatistics(objective);
  return { weights, rows, precision, ...(statistics.length > 0 && { statistics }) };
}

/** What a compact base loses, on the first rows. */
function baseErrorOf(
  { opened, device, model }: Session,
  rows: RowSet<TokenizedPair>,
  context: RecipeContext,
): Promise<BaseError | undefined> {
  const count = Math.min(BASE_ERROR_ROWS, rows.count);
  const batches = Array.from({ length: count }, (_, row) => pairMicroBatch([rows.row(row)]));
  return measureBaseError({
    opened,
    device,
    model,
    scoreGraph: (decoder) => pairScoreGraph(decoder),
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
  }: { readonly objective: PairObjective; readonly data: TrainingData<TokenizedPair> },
  { referenceCache }: RecipeContext,
): Promise<OpenedModel | undefined> {
  if (reference === undefined) return undefined;
  const other = { fingerprint: await reference.files.checkpoint.fingerprint(), precision: 'float32' };
  for (const pairs of heldOut === undefined ? [train] : [train, heldOut])
    if (!(await isReferenceStored(identityOf(other, pairs, objective), referenceCache, pairs.count))) return reference;
  return undefined;
}

interface PairsWithReference {
  readonly pairs: RowSet<TokenizedPair>;
  /** Undefined where the objective has no reference. */
  readonly reference: ReferenceValues | undefined;
}

/** Names of the graphs' inputs by the reference's statistics. */
const REFERENCE_INPUTS: Readonly<Record<string, string>> = {
  logps: 'referenceLogps',
  sharedLogps: 'sharedReferenceLogps',
};

function pairTask(
  splits: { readonly train: PairsWithReference; readonly heldOut: PairsWithReference | undefined },
  objective: PairObjective,
): Task {
  const of = (split: Split): PairsWithReference => (split === 'train' ? splits.train : splits.heldOut!);
  return {
    train: rowsOf(splits.train.pairs),
    heldOut: splits.heldOut && rowsOf(splits.heldOut.pairs),
    lossScale: (rows) => 1 / rows.length,
    batch: (split, rows) => {
      const { pairs, reference } = of(split);
      const batch = pairMicroBatch(rows.map((row) => pairs.row(row)));
      const both = Object.entries(reference ?? {}).map(([name, values]) => [
        REFERENCE_INPUTS[name]!,
        float32(
          [rows.length, 2],
          rows.flatMap((row) => [values[2 * row]!, values[2 * row + 1]!]),
        ),
      ]);
      const columns = (['margins', 'weights'] as const).map((name) => [
        name,
        float32(
          [rows.length],
          rows.map((row) => pairs[name][row]!),
        ),
      ]);
      return { ...batch, inputs: { ...batch.inputs, ...Object.fromEntries([...both, ...columns]) } };
    },
    measure: (beta) => measurePairs(beta ?? objective.rewardBeta),
  };
}

function float32(shape: readonly number[], values: readonly number[]): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

/** pairMetrics over micro-batches of pairs; without a reference, rewards are measured from 0, as TRL measures them. */
export function measurePairs(beta: number): Measure {
  const sums = pairMetrics(beta);
  return {
    add: ({ counts, inputs }, { losses, logps, entropies, meanLogits }) =>
      sums.add({
        losses: losses!.data,
        logps: logps!.data,
        entropies: entropies!.data,
        meanLogits: meanLogits!.data,
        counts,
        referenceLogps: inputs['referenceLogps']?.data ?? new Float32Array(counts.length),
      }),
    result: sums.result,
  };
}
