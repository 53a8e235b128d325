import { elementCount, PreftuneError, type Problem } from '../../core/index.ts';
import { rowsOf, type Rows, type RowSet, type TokenisationReport } from '../../data/index.ts';
import {
  baseBytes,
  loraAnchorSpecs,
  loraParameterSpecs,
  parameterSpecs,
  type ModelConfig,
} from '../../models/index.ts';
import { OPTIMIZERS } from '../../optim/index.ts';
import {
  availableBytes,
  fixedMemory,
  referenceMemory,
  requireMemory,
  type MemoryParts,
  type RunInputs,
} from '../../policy/index.ts';
import { epochStepsOf, totalStepsOf, type CommonSpecification, type Stage } from '../../specification/index.ts';
import { newestCheckpoint } from '../../store/index.ts';
import type { RecipeContext } from '../context.ts';
import { firstEpochBatches, firstEpochMicroBatches } from '../loop/epochs.ts';
import { evaluationMicroBatches } from '../loop/evaluation.ts';
import { keptSteps } from '../run-end.ts';
import { planOf } from '../session.ts';
import type { TrainingData } from '../training-data.ts';
import { diskProblems, planDisk } from './disk.ts';
import { intervalsOf } from './intervals.ts';
import { int8Processor } from './processor.ts';
import type { PlannedMemory, PlannedRows, PlannedSteps, RowCounts, RunPlan } from './run-plan.ts';
import { workOf } from './work.ts';

/** What a plan is made of: everything that is known before a model is loaded. */
export interface PlanParts<T extends { readonly id: string }> {
  readonly recipe: RunPlan['recipe'];
  readonly specification: CommonSpecification;
  readonly inputs: RunInputs;
  readonly data: TrainingData<T>;
  readonly stages: readonly Stage[];
  /** The reference that must be computed; absent where there is none, or it is stored. */
  readonly reference?: {
    readonly rows: number;
    /** Numbers of a row. */
    readonly width: number;
    /** Another model, which is loaded for it. */
    readonly model?: ModelConfig | undefined;
    readonly includesTraining: boolean;
  };
  readonly movesReference?: boolean;
  /** Held-out rows that are evaluated together. */
  readonly unit?: number | undefined;
  readonly context: RecipeContext;
}

/** Work by which measured seconds are scaled, in multiplications of a forward pass. */
export interface RunCosts {
  readonly work: (tokens: number) => number;
  /** Of all steps that are still to do. */
  readonly training: number;
  /** Of a step in the mean. */
  readonly step: number;
  /** Of one evaluation. */
  readonly evaluation: number;
  readonly evaluations: number;
  readonly reference: number;
  /** Micro-batches of the first steps, by their rows. */
  readonly groups: readonly (readonly number[])[];
}

export interface PreparedPlan {
  readonly plan: RunPlan;
  readonly costs: RunCosts;
}

/** The plan of a run, from what is known without computing anything. Memory and disk that do not suffice are its problems; nothing is thrown for them. */
export function makePlan<T extends { readonly id: string }>(parts: PlanParts<T>): PreparedPlan {
  const { recipe, specification, inputs, data, context } = parts;
  const { config } = inputs.opened;
  const costs = costsOf(parts);
  const memoryPlan = planOf(specification, inputs.opened, inputs.adapter?.lora);
  const { lora } = memoryPlan;
  const of = numbers(parameterSpecs(config));
  const trained = lora === undefined ? of : numbers(loraParameterSpecs(config, lora));
  const anchors = lora === undefined ? 0 : numbers(loraAnchorSpecs(config, lora));
  const steps = stepsOf(parts, costs);
  const disk = planDisk({
    output: specification.output,
    referenceCache: context.referenceCache,
    trained,
    perCheckpoint:
      trained * (1 + OPTIMIZERS[specification.optimizer.name].stateNames.length) +
      anchors +
      (parts.movesReference === true ? trained : 0),
    keptCheckpoints: keptCount(specification),
    artefact: lora === undefined ? of : trained + anchors,
    metricLines: steps.total / specification.logSteps + steps.evaluations,
    reference: parts.reference === undefined ? 0 : parts.reference.rows * parts.reference.width,
  });
  const fixed = fixedMemory({ ...memoryPlan, movesReference: parts.movesReference === true });
  const rows = rowsOf(data.train);
  const { memory, problems } = memoryOf(fixed, {
    available: (context.availableBytes ?? availableBytes)(),
    kept: keptBound(config, Math.max(specification.microBatchTokens, longestOf(rows)), specification.memoryBudgetMb),
    isCompiled: false,
    advice: memoryAdvice(specification),
    reference: parts.reference?.model && referenceMemory(memoryPlan, parts.reference.model),
  });
  const report = Object.values(data.reports)[0]!;
  const isCompact =
    specification.basePrecision === 'float32' && lora !== undefined && specification.lora?.variant !== 'dora';
  const plan: RunPlan = {
    recipe,
    rows: plannedRows(data, report, specification),
    steps,
    tokens: {
      total: Math.round((costs.tokensPerEpoch * steps.total) / steps.perEpoch),
      perEpoch: costs.tokensPerEpoch,
      longestRow: longestOf(rows),
      maxLength: report.limits.maxLength ?? null,
      cutAnswers: Object.values(report.truncated).reduce((sum, { count }) => sum + count, 0),
      cutPrompts: report.promptCut.count,
    },
    trained: { method: specification.method, parameters: trained, of },
    memory,
    disk,
    ...(isCompact && {
      int8: {
        processor: int8Processor(),
        savedBytes: baseBytes(config, 'float32') - baseBytes(config, 'int8'),
      },
    }),
    problems: [...problems, ...diskProblems(disk, specification.output)],
  };
  return { plan, costs };
}

/** Checkpoints that stay, the best one beside the newest. */
function keptCount(specification: CommonSpecification): number {
  const { newest, best } = keptSteps(specification);
  return newest + (best ? 1 : 0);
}

function numbers(specs: readonly { readonly shape: readonly number[] }[]): number {
  return specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function tokensOf(rows: Rows, group: readonly number[]): number {
  return group.reduce((sum, row) => sum + rows.lengthOf(row), 0);
}

function bytesOf(parts: MemoryParts): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

function longestOf(rows: Rows): number {
  let longest = 0;
  for (let row = 0; row < rows.count; row++) longest = Math.max(longest, rows.lengthOf(row));
  return longest;
}

function costsOf<T extends { readonly id: string }>(
  parts: PlanParts<T>,
): RunCosts & { readonly tokensPerEpoch: number } {
  const { specification, inputs, data, stages, reference, unit } = parts;
  const { microBatchTokens } = specification;
  const work = workOf(inputs.opened.config);
  const rows = rowsOf(data.train);
  const total = totalStepsOf(stages);
  const groups = firstEpochMicroBatches(rows, specification, total);
  const cutSteps = firstEpochBatches(rows, specification, total).length;
  const workOfAll = (of: Rows, all: readonly (readonly number[])[]): number =>
    all.reduce((sum, group) => sum + work(tokensOf(of, group)), 0);
  const firstPass = workOfAll(rows, groups);
  const step = firstPass / cutSteps;
  const heldOut = data.heldOut && rowsOf(data.heldOut);
  const evaluation =
    heldOut === undefined ? 0 : workOfAll(heldOut, evaluationMicroBatches(heldOut, microBatchTokens, unit));
  let tokensPerEpoch = 0;
  for (let row = 0; row < rows.count; row++) tokensPerEpoch += rows.lengthOf(row);
  const { evaluations } = intervalsOf(specification, total);
  const done = doneSteps(parts);
  return {
    work,
    step,
    training: step * (total - done),
    evaluation,
    evaluations: heldOut === undefined ? 0 : evaluations,
    reference: reference === undefined ? 0 : (reference.includesTraining ? firstPass : 0) + evaluation,
    groups,
    tokensPerEpoch,
  };
}

function doneSteps({ specification, context }: Pick<PlanParts<never>, 'specification' | 'context'>): number {
  return context.isResuming ? (newestCheckpoint(specification.output)?.step ?? 0) : 0;
}

function stepsOf<T extends { readonly id: string }>(parts: PlanParts<T>, costs: RunCosts): PlannedSteps {
  const { specification, stages, data } = parts;
  const { batchSize, microBatchTokens } = specification;
  const total = totalStepsOf(stages);
  const perEpoch = epochStepsOf(stages, batchSize);
  const cut = Math.min(total, Math.ceil(data.train.count / batchSize));
  return {
    total,
    done: doneSteps(parts),
    epochs: total / perEpoch,
    perEpoch,
    warmup: stages.reduce((sum, { warmupSteps }) => sum + warmupSteps, 0),
    stages: stages.length,
    batchSize,
    microBatchTokens,
    microBatches: Math.round((costs.groups.length * total) / cut),
    evaluations: costs.evaluations,
  };
}

function plannedRows<T>(
  { train, heldOut }: TrainingData<T>,
  report: TokenisationReport,
  { heldOutFraction, heldOut: named }: CommonSpecification,
): PlannedRows {
  const [own, other] = [countsOf(train), heldOut && countsOf(heldOut)];
  const isSplit = named === undefined && other !== undefined;
  return {
    read: report.rows,
    dropped: Object.fromEntries(Object.entries(report.dropped).map(([reason, { count }]) => [reason, count])),
    train: own,
    ...(other && { heldOut: other }),
    ...(isSplit && { split: { fraction: heldOutFraction, share: other.prompts / (own.prompts + other.prompts) } }),
  };
}

function countsOf({ count, promptHashes }: Pick<RowSet<unknown>, 'count' | 'promptHashes'>): RowCounts {
  return { rows: count, prompts: new Set(promptHashes).size };
}

/** The most that the backward pass keeps: of every layer its inputs, the products of its projections, and three squares of attention, or the budget. */
function keptBound(
  { layers, hiddenSize, intermediateSize, heads }: ModelConfig,
  tokens: number,
  budgetMb: number | undefined,
): number {
  const wanted = 4 * layers * (tokens * (14 * hiddenSize + 6 * intermediateSize) + 3 * heads * tokens ** 2);
  return budgetMb === undefined ? wanted : Math.min(wanted, budgetMb * 2 ** 20);
}

interface MemoryNeeds {
  readonly available: number;
  /** Values kept for the backward pass. */
  readonly kept: number;
  readonly isCompiled: boolean;
  /** What computing another model's reference holds. */
  readonly reference?: MemoryParts | undefined;
  /** What would need less. */
  readonly advice: string;
}

/** What would need less memory, the most useful first. */
export function memoryAdvice({ method, basePrecision }: CommonSpecification): string {
  return [
    method === 'full'
      ? 'train an adapter instead of every weight (--method lora)'
      : basePrecision === 'float32'
        ? 'keep the base in fewer bytes (--base-precision int8)'
        : undefined,
    'lower --micro-batch-tokens or --max-length',
    'take a smaller model or close other programs',
  ]
    .filter((one) => one !== undefined)
    .join(', or ');
}

/** The peak, and what does not fit: of values whose size is only bounded nothing is said, since they are computed again where there is no room. */
export function memoryOf(
  fixed: MemoryParts,
  { available, kept, isCompiled, reference, advice }: MemoryNeeds,
): { readonly memory: PlannedMemory; readonly problems: readonly Problem[] } {
  const room = Math.max(0, available / 4);
  const training = { ...fixed, 'values kept for the backward pass': isCompiled ? kept : Math.min(kept, room) };
  const parts = reference !== undefined && bytesOf(reference) > bytesOf(training) ? reference : training;
  const problems: Problem[] = [];
  for (const needed of [isCompiled ? training : fixed, ...(reference === undefined ? [] : [reference])]) {
    try {
      requireMemory(needed, available, advice);
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      problems.push(...thrown.problems);
    }
  }
  return { memory: { peakBytes: bytesOf(parts), parts, availableBytes: available, isCompiled }, problems };
}
