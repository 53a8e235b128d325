import { PreftuneError } from '../../core/index.ts';
import { microBatches } from '../../data/index.ts';
import type { BatchProgram } from '../../policy/index.ts';
import type { CommonSpecification } from '../../specification/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { RecipeContext, SampledPrompt } from '../context.ts';
import { accumulateGradients } from '../loop/accumulate.ts';
import type { StepRows } from '../loop/source.ts';
import type { Task } from '../loop/task.ts';
import { residentTensors } from '../loop/trainable.ts';
import { openTraining, type Training } from '../loop/training.ts';
import type { Session } from '../session.ts';
import type { RunCosts } from './make-plan.ts';
import type { PlannedTime } from './run-plan.ts';

/** A run that is ready to take steps, and takes none. */
export interface MeasuredRun {
  readonly session: Session;
  readonly task: Task;
  readonly specification: CommonSpecification;
  readonly costs: RunCosts;
  readonly steps: number;
  readonly context: RecipeContext;
  /** Bytes that the backward pass may keep. */
  readonly keepBudgetBytes: number;
  /** What computes the reference; absent where all of it is stored, or there is none. */
  readonly openReference?: (() => Promise<BatchProgram>) | undefined;
  readonly promptsOf: (tokenizer: Tokenizer) => readonly SampledPrompt[];
  /** Seconds until here. */
  readonly elapsed: () => number;
}

export interface Measured {
  readonly time: PlannedTime;
  readonly keptBytes: number;
}

/** More runs of a micro-batch than one are timed while they fit into so long. */
const MEASURE_SECONDS = 3;
const MOST_RUNS = 5;
/** Steps among whose micro-batches the one nearest to the mean is chosen. */
const LOOKED_AT_STEPS = 4;
/** Answers of the report: as long as its sampler lets them become. */
const FEW_TOKENS = 8;
const ANSWER_TOKENS = 128;
/** The fastest and the slowest run beside its plan. Guessed: the two of docs/log.md took 0.73 and 0.78 of theirs, since micro-batches get faster after the first ones. */
const RANGE = { from: 0.65, to: 1.3 } as const;

/** Times one real micro-batch forward and backward, one of the reference forward, the optimizer, and a few tokens of the answers; and scales them to the run. */
export async function measureRun(run: MeasuredRun): Promise<Measured> {
  const { specification, costs, steps, context } = run;
  context.listener.onLoad?.('compiling the training step');
  const training = await openPlanned(run);
  try {
    const preparing = run.elapsed();
    context.listener.onLoad?.('timing a micro-batch');
    const chosen = await chooseMicroBatch(training, costs, specification);
    const { tokens, step } = chosen;
    const work = costs.work(tokens);
    const train = await timed(context, () => accumulate(training, step, specification));
    const update = await timed(context, async () => {
      const norm = await training.trainable.gradientNorm();
      await training.trainable.update({ step: 1, learningRate: 0, norm, maximum: undefined });
    });
    const all = Array.from({ length: step.rows.count }, (_, row) => row);
    const { inputs } = step.batch(all);
    const evaluate =
      costs.evaluation === 0 ? 0 : await timed(context, () => training.program.evaluate(inputs)).catch(ownForward);
    let reference: number | undefined;
    if (run.openReference !== undefined) {
      const program = await run.openReference();
      try {
        await program.refresh();
        reference = await timed(context, () => program.evaluate(inputs));
      } finally {
        await program.dispose();
      }
    }
    const answers = await timeAnswers(run, training);
    const forward = Number.isNaN(evaluate) ? train / 3 : evaluate;
    const parts = {
      preparing,
      reference: (costs.reference * (reference ?? 0)) / work,
      training: (costs.training * train) / work + steps * update,
      evaluation: (costs.evaluations * costs.evaluation * forward) / work,
      answers: answers.likely,
    };
    const seconds = Object.values(parts).reduce((sum, one) => sum + one, 0);
    const rest = seconds - parts.answers;
    return {
      keptBytes: training.program.keptBytes,
      time: {
        seconds,
        from: RANGE.from * rest + answers.least,
        to: RANGE.to * rest + answers.most,
        parts,
        basis: 'micro-batch',
        measured: {
          tokens,
          trainSeconds: train,
          ...(reference === undefined ? {} : { referenceSeconds: reference }),
        },
      },
    };
  } finally {
    await training.dispose();
  }
}

/** Seconds of one micro-batch alone. */
export async function measureMicroBatch(
  run: Omit<MeasuredRun, 'openReference' | 'promptsOf' | 'elapsed' | 'steps'>,
): Promise<number> {
  const { specification, costs, context } = run;
  const training = await openPlanned(run);
  try {
    const { tokens, step } = await chooseMicroBatch(training, costs, specification);
    return (await timed(context, () => accumulate(training, step, specification))) / costs.work(tokens);
  } finally {
    await training.dispose();
  }
}

/** The programs of the run, of which only the times are of interest. */
function openPlanned({
  session,
  task,
  specification: { optimizer, microBatchTokens },
  keepBudgetBytes,
}: Pick<MeasuredRun, 'session' | 'task' | 'specification' | 'keepBudgetBytes'>): Promise<Training> {
  return openTraining(session, task, { label: 'plan', optimizer, microBatchTokens, keepBudgetBytes });
}

/** An objective may evaluate in a way that a single micro-batch does not show. */
function ownForward(thrown: unknown): number {
  if (thrown instanceof PreftuneError && thrown.code !== 'cancelled') return NaN;
  throw thrown;
}

async function accumulate(
  training: Training,
  step: StepRows,
  { seed, microBatchTokens }: CommonSpecification,
): Promise<void> {
  await training.program.refresh();
  const moment = { step: 0, totalSteps: training.source.totalSteps };
  await accumulateGradients(training, step, { moment, seed, microBatchTokens: Math.max(microBatchTokens, 1) });
}

/** Of the first steps' micro-batches the one whose work is nearest to the mean. */
async function chooseMicroBatch(
  { source }: Training,
  { work, step: stepWork, groups }: RunCosts,
  { microBatchTokens }: CommonSpecification,
): Promise<{ readonly step: StepRows; readonly tokens: number }> {
  const perStep = groups.length / Math.max(1, Math.min(source.totalSteps, source.stepsPerEpoch));
  const mean = stepWork / Math.max(perStep, 1);
  let best: { readonly step: StepRows; readonly tokens: number; readonly distance: number } | undefined;
  for (let at = 0; at < Math.min(LOOKED_AT_STEPS, source.totalSteps); at++) {
    const rows = await source.at(at);
    const all = Array.from({ length: rows.rows.count }, (_, row) => row);
    for (const group of microBatches(rows.rows, all, microBatchTokens)) {
      const tokens = group.reduce((sum, row) => sum + rows.rows.lengthOf(row), 0);
      const distance = Math.abs(work(tokens) - mean);
      if (best === undefined || distance < best.distance) best = { step: rowsOfGroup(rows, group), tokens, distance };
    }
  }
  return best!;
}

function rowsOfGroup({ rows, batch, lossScale }: StepRows, group: readonly number[]): StepRows {
  return {
    rows: {
      count: group.length,
      idOf: (row) => rows.idOf(group[row]!),
      lengthOf: (row) => rows.lengthOf(group[row]!),
    },
    batch: (own) => batch(own.map((row) => group[row]!)),
    lossScale,
  };
}

/** Seconds of the work when it has run before: the median of as many runs as fit into some seconds, at least one. */
async function timed({ signal }: Pick<RecipeContext, 'signal'>, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  const began = performance.now();
  // The first run reserves memory.
  for (let count = 0; count <= MOST_RUNS; count++) {
    if (signal?.aborted === true) throw new PreftuneError('cancelled', 'plan: stopped; nothing was written');
    const started = performance.now();
    await work();
    const ended = performance.now();
    if (count > 0) times.push((ended - started) / 1000);
    if (count > 0 && (ended - began) / 1000 > MEASURE_SECONDS) break;
  }
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

/** Seconds of answering the report's prompts before and after training: at least, likely, and where every answer takes all its tokens. */
async function timeAnswers(
  { session, specification, context, promptsOf }: MeasuredRun,
  { trainable }: Training,
): Promise<{ readonly least: number; readonly likely: number; readonly most: number }> {
  const { device, tokenizer, policy, model } = session;
  const prompts = specification.samples > 0 ? promptsOf(tokenizer) : [];
  const sampler = context.sampler ?? (prompts.length > 0 ? context.samplePrompts?.(prompts) : undefined);
  if (sampler === undefined) return { least: 0, likely: 0, most: 0 };
  const asked = { device, tokenizer, decoder: policy.evaluation, resident: residentTensors(model, trainable) };
  const secondsOf = async (maxNewTokens: number): Promise<number> => {
    const started = performance.now();
    await sampler.answer(asked, { maxNewTokens });
    return (performance.now() - started) / 1000;
  };
  context.listener.onLoad?.('timing some tokens of the answers for the report');
  const [one, few] = [await secondsOf(1), await secondsOf(1 + FEW_TOKENS)];
  const perToken = Math.max(0, few - one) / FEW_TOKENS;
  const both = (tokens: number): number => 2 * (one + tokens * perToken);
  return { least: both(ANSWER_TOKENS / 4), likely: both(ANSWER_TOKENS / 2), most: both(ANSWER_TOKENS) };
}
