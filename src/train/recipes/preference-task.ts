import { float32Tensor, type HostTensor } from '../../core/index.ts';
import { rowsOf } from '../../data/index.ts';
import type { ResolvedObjective } from '../../objectives/index.ts';
import {
  preferenceCotangentGraph,
  preferenceForwardGraph,
  preferenceLossGraph,
  referenceStatistics,
  type BatchGraphs,
  type Policy,
  type PreferenceModels,
} from '../../policy/index.ts';
import { compileScores, type ReferenceValues } from '../../score/index.ts';
import type { ObjectiveSpecification, ReferenceUpdate } from '../../specification/index.ts';
import { betaSchedule } from '../loop/beta-schedule.ts';
import { createCoupledObjective } from '../loop/coupled-objective.ts';
import { epochSource, type EpochOptions } from '../loop/epochs.ts';
import type { Open, StepPart } from '../loop/part.ts';
import { createMovingReference } from '../loop/reference-update.ts';
import type { BatchRows } from '../loop/source.ts';
import type { Task } from '../loop/task.ts';
import { preferenceRows, type PreferenceRows, type PreferenceSets } from './preference-rows.ts';

/** What is trained, as decoders over named tensors: all that graphs need of a policy. */
export type PolicyGraphs = Pick<Policy, 'parameters' | 'training' | 'evaluation' | 'reference' | 'keepsReference'>;

/** What the reference says: log-probabilities of all answers of a set, by statistic. */
export interface PreferenceReference {
  /** Absent where the objective has no reference, and where the reference moves. */
  readonly train?: ReferenceValues | undefined;
  readonly heldOut?: ReferenceValues | undefined;
  /** The reference of training follows the policy. */
  readonly update?: ReferenceUpdate | undefined;
}

/** How rows are cut into steps, and steps into micro-batches. */
export interface PreferenceSteps extends EpochOptions {
  readonly microBatchTokens: number;
}

export interface PreferenceTaskOptions {
  readonly policy: PolicyGraphs;
  readonly objective: ResolvedObjective;
  /** Rows of the kind that the objective takes. */
  readonly rows: PreferenceSets;
  readonly reference: PreferenceReference;
  /** beta changes during the run. */
  readonly beta?: Pick<ObjectiveSpecification, 'betaSchedule' | 'options'>;
  readonly steps: PreferenceSteps;
}

/**
 * The task of preference optimization from what is in memory: graphs of policy and objective, batches with the reference's log-probabilities, and what
 * the method adds to a step. Pure: nothing is read, stored or computed before the task is opened on a device.
 */
export function preferenceTask(options: PreferenceTaskOptions): Task {
  const { policy, objective, rows, reference, steps } = options;
  const preferences = preferenceRows(objective, rows);
  const train = { ...batchRows(rows.train, reference.train, preferences), lossScale: meanOverRows };
  return {
    graphs: preferenceGraphs(policy, objective, {
      width: preferences.width,
      betaInput: options.beta?.betaSchedule !== undefined,
    }),
    source: async () => epochSource(train, steps),
    parts: partsOf(options, preferences),
    heldOut: rows.heldOut && {
      ...batchRows(rows.heldOut, reference.heldOut, preferences),
      unit: evaluationUnit(objective, steps),
    },
    measure: ({ beta }) =>
      preferences.measure(objective.reward.hasOwnBeta ? objective.reward.beta : (beta ?? objective.reward.beta)),
  };
}

/** Held-out rows that are evaluated together: optimizer batches, where the objective couples their rows. */
export function evaluationUnit(
  { coupling }: ResolvedObjective,
  { batchSize }: Pick<EpochOptions, 'batchSize'>,
): number | undefined {
  return coupling === 'batch' ? batchSize : undefined;
}

function meanOverRows(rows: readonly number[]): number {
  return 1 / rows.length;
}

/** The graphs of training and evaluation. An objective of single rows has one pass; one of batches stands between two. */
function preferenceGraphs(
  policy: PolicyGraphs,
  objective: ResolvedObjective,
  options: { readonly width: number; readonly betaInput: boolean },
): BatchGraphs {
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

/** Names of the graphs' inputs by the reference's statistics. */
const REFERENCE_INPUTS: Readonly<Record<string, string>> = {
  logps: 'referenceLogps',
  sharedLogps: 'sharedReferenceLogps',
};

/** Batches of a set, with what the reference says of each answer, and margin and weight of each row. */
function batchRows(
  set: PreferenceSets['train'],
  reference: ReferenceValues | undefined,
  { width, batch: batchOf }: PreferenceRows,
): BatchRows {
  const columns = Object.entries(reference ?? {}).map(([name, values]) => [REFERENCE_INPUTS[name]!, values] as const);
  return {
    rows: rowsOf(set),
    batch: (rows) => {
      const batch = batchOf(rows.map((row) => set.row(row)));
      const answers = columns.map(([name, values]): [string, HostTensor] => [
        name,
        float32Tensor(
          [rows.length, width],
          rows.flatMap((row) => [...values.subarray(width * row, width * (row + 1))]),
        ),
      ]);
      const own = (['margins', 'weights'] as const).map((name): [string, HostTensor] => [
        name,
        float32Tensor(
          [rows.length],
          rows.map((row) => set[name][row]!),
        ),
      ]);
      return { ...batch, inputs: { ...batch.inputs, ...Object.fromEntries([...answers, ...own]) } };
    },
  };
}

/** What preference optimization adds to a step: a reference that moves, a beta that changes, an objective of whole batches. */
function partsOf(
  { objective, reference: { update }, beta, steps }: PreferenceTaskOptions,
  { width }: PreferenceRows,
): readonly Open<StepPart>[] {
  const parts: Open<StepPart>[] = [];
  if (update !== undefined) parts.push(movingReference(update, { objective, width, steps }));
  if (beta?.betaSchedule !== undefined) {
    const start = typeof beta.options['beta'] === 'number' ? beta.options['beta'] : objective.reward.beta;
    const schedule = betaSchedule(start, beta.betaSchedule);
    parts.push(async () => schedule);
  }
  if (objective.coupling === 'batch')
    parts.push(({ device }) =>
      createCoupledObjective(device, objective, { betaInput: beta?.betaSchedule !== undefined, width }),
    );
  return parts;
}

/** The copy of the policy that follows it: after every so many steps, or after each stage. */
function movingReference(
  update: ReferenceUpdate,
  {
    objective,
    width,
    steps: { stages, microBatchTokens },
  }: { readonly objective: ResolvedObjective; readonly width: number; readonly steps: PreferenceSteps },
): Open<StepPart> {
  const begins = new Set(stages.slice(1).map(({ firstStep }) => firstStep));
  const statistics = referenceStatistics(objective);
  return ({ device, model, policy }) =>
    createMovingReference(
      { device, parameters: policy.parameters, current: policy.initial },
      {
        isDue: (step) => (update.kind === 'stepwise' ? begins.has(step) : step % update.every === 0),
        mix: update.kind === 'soft' ? update.mix : 1,
        inputs: REFERENCE_INPUTS,
        compile: (copies) =>
          compileScores(device, policy.evaluation, {
            label: 'moving reference',
            resident: new Map([...model.weights, ...policy.initial, ...copies]),
            microBatchTokens,
            statistics,
            width,
          }),
      },
    );
}
