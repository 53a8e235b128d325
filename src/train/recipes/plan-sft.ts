import { openInputs } from '../../policy/index.ts';
import type { SftSpecification } from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { completePlan, type PlanOptions, type PlanSession } from '../plan/complete-plan.ts';
import type { RunPlan } from '../plan/run-plan.ts';
import { samplePrompts } from '../samples.ts';
import { openSession } from '../session.ts';
import { completionTask } from './completion-task.ts';
import { readSft } from './read-sft.ts';

/**
 * planDpo for supervised fine-tuning.
 *
 * @example
 * ```ts
 * import { parseSftSpecification, planSft } from 'preftune';
 *
 * const specification = parseSftSpecification({ model: 'model.gguf', data: 'answers.jsonl', output: 'run' });
 * const { steps, time, problems } = await planSft(specification, {
 *   resolve: async (named) => named,
 *   referenceCache: 'reference-cache',
 *   versions: {},
 *   isResuming: false,
 *   listener: {},
 * });
 * console.log(steps.total, time?.seconds, problems);
 * ```
 */
export async function planSft(
  given: SftSpecification,
  context: RecipeContext,
  { measures = true }: PlanOptions = {},
): Promise<RunPlan> {
  const began = performance.now();
  const inputs = await openInputs(given, context);
  try {
    const { specification, data, stages, prepared } = await readSft(given, { inputs, context });
    if (!measures) return prepared.plan;
    const scorePrompt = specification.loss === 'all';
    const open = async (of: SftSpecification): Promise<PlanSession> => {
      const session = await openSession(of, inputs, { context, initialise: of.initialise });
      const task = completionTask({ policy: session.policy, rows: data, scorePrompt, steps: { ...of, stages } });
      return { session, task, dispose: () => session.dispose() };
    };
    return await completePlan(prepared, {
      specification,
      inputs,
      context,
      began,
      promptsOf: (tokenizer) => samplePrompts(data.heldOut ?? data.train, tokenizer, specification.samples),
      open,
    });
  } finally {
    await inputs.close();
  }
}
