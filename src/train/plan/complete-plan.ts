import { fixedMemory, availableBytes, type BatchProgram, type RunInputs } from '../../policy/index.ts';
import type { CommonSpecification } from '../../specification/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { RecipeContext, SampledPrompt } from '../context.ts';
import type { Task } from '../loop/task.ts';
import { planOf, type Session } from '../session.ts';
import { memoryAdvice, memoryOf, type PreparedPlan } from './make-plan.ts';
import { measureMicroBatch, measureRun } from './measure.ts';
import type { RunPlan } from './run-plan.ts';

/** A run that is opened to be measured. */
export interface PlanSession {
  readonly session: Session;
  readonly task: Task;
  readonly openReference?: () => Promise<BatchProgram>;
  dispose(): Promise<void>;
}

export interface PlanOptions {
  /** Whether the model is loaded and a micro-batch timed; without it the plan has no time. Default true. */
  readonly measures?: boolean;
}

export interface CompleteOptions<S extends CommonSpecification> {
  readonly specification: S;
  readonly inputs: RunInputs;
  readonly context: RecipeContext;
  readonly began: number;
  readonly promptsOf: (tokenizer: Tokenizer) => readonly SampledPrompt[];
  /** Opens the run with these options, for which the data stay the same. */
  readonly open: (specification: S) => Promise<PlanSession>;
}

/** A second base is loaded and timed only for models up to so many parameters; above, it takes longer than one waits for a plan. */
const CHEAP_PARAMETERS = 4e8;
/** And only where the plan took no longer than this until then. */
const CHEAP_SECONDS = 30;

/** The plan with what must be measured: time, the compiled step's memory, what int8 changes. A plan with problems stays as it is: nothing is loaded for it. */
export async function completePlan<S extends CommonSpecification>(
  { plan, costs }: PreparedPlan,
  { specification, inputs, context, began, promptsOf, open }: CompleteOptions<S>,
): Promise<RunPlan> {
  if (plan.problems.length > 0) return plan;
  const available = (context.availableBytes ?? availableBytes)();
  const budgetMb = specification.memoryBudgetMb ?? Math.max(1, Math.floor(available / 4 / 2 ** 20));
  const keepBudgetBytes = budgetMb * 2 ** 20;
  const opened = await open(specification);
  let measured: Awaited<ReturnType<typeof measureRun>>;
  try {
    measured = await measureRun({
      ...opened,
      specification,
      costs,
      steps: plan.steps.total - plan.steps.done,
      context,
      keepBudgetBytes,
      promptsOf,
      elapsed: () => (performance.now() - began) / 1000,
    });
  } finally {
    await opened.dispose();
  }
  const { time, keptBytes } = measured;
  const fixed = fixedMemory(planOf(specification, inputs.opened, inputs.adapter?.lora));
  const { memory, problems } = memoryOf(
    'reference copy' in plan.memory.parts
      ? { ...fixed, 'reference copy': plan.memory.parts['reference copy']! }
      : fixed,
    {
      available: plan.memory.availableBytes,
      kept: keptBytes,
      isCompiled: true,
      advice: memoryAdvice(specification),
      reference: 'reference weights' in plan.memory.parts ? plan.memory.parts : undefined,
    },
  );
  const int8 = plan.int8 && { ...plan.int8, ...(await int8Speedup()) };
  context.listener.onLoad?.(undefined);
  return { ...plan, time, memory, ...(int8 && { int8 }), problems: [...plan.problems, ...problems] };

  async function int8Speedup(): Promise<{ readonly speedup?: number }> {
    if (plan.trained.of > CHEAP_PARAMETERS || specification.device !== 'cpu' || plan.int8?.processor === 'none')
      return {};
    if ((performance.now() - began) / 1000 > CHEAP_SECONDS) return {};
    const other = { ...specification, basePrecision: 'int8' as const };
    const compact = await open(other);
    context.listener.onLoad?.('timing a micro-batch on an int8 base');
    try {
      const perWork = await measureMicroBatch({ ...compact, specification: other, costs, context, keepBudgetBytes });
      const { tokens, trainSeconds } = time.measured;
      return { speedup: trainSeconds / costs.work(tokens) / perWork };
    } finally {
      await compact.dispose();
    }
  }
}
