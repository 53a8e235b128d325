import { existsSync } from 'node:fs';
import { openInputs, type RunInputs } from '../../policy/index.ts';
import { NO_REFERENCE_STORE, referenceFolder, type ReferenceValues } from '../../score/index.ts';
import type { DpoSpecification } from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { completePlan, type PlanOptions, type PlanSession } from '../plan/complete-plan.ts';
import type { RunPlan } from '../plan/run-plan.ts';
import { samplePrompts } from '../samples.ts';
import { openSession } from '../session.ts';
import { isKnownReference, openReference } from './preference-reference.ts';
import { preferenceTask } from './preference-task.ts';
import { readDpo, type ReadDpo } from './read-dpo.ts';

/**
 * What a dpo run would do, take and need, without doing it: rows kept and held out, steps, tokens, parameters, memory, disk, and the time, for which one
 * micro-batch is timed forward and backward and one of the reference forward. Nothing is written. What would stop the run for want of memory or disk
 * is in `problems`; throws bad-input for what is wrong with options and data, and cancelled.
 *
 * @example
 * ```ts
 * import { parseDpoSpecification, planDpo } from 'preftune';
 *
 * const specification = parseDpoSpecification({ model: 'model.gguf', data: 'pairs.jsonl', output: 'run' });
 * const { rows, steps, time, memory, problems } = await planDpo(specification, {
 *   resolve: async (named) => named,
 *   referenceCache: 'reference-cache',
 *   versions: {},
 *   isResuming: false,
 *   listener: {},
 * });
 * console.log(rows.train.rows, steps.total, time?.seconds, memory.peakBytes, problems);
 * ```
 */
export async function planDpo(
  given: DpoSpecification,
  context: RecipeContext,
  { measures = true }: PlanOptions = {},
): Promise<RunPlan> {
  const began = performance.now();
  const inputs = await openInputs(given, context);
  try {
    // A folder that is not there holds nothing, and is not made.
    const store = existsSync(context.referenceCache) ? referenceFolder(context.referenceCache) : NO_REFERENCE_STORE;
    const read = await readDpo(given, { inputs, context, store });
    if (!measures) return read.prepared.plan;
    const { specification } = read.data;
    return await completePlan(read.prepared, {
      specification,
      inputs,
      context,
      began,
      promptsOf: (tokenizer) => samplePrompts(read.data.heldOut ?? read.data.train, tokenizer, specification.samples),
      open: (of) => openDpo(of, { read, inputs, context, store }),
    });
  } finally {
    await inputs.close();
  }
}

/** A session whose task has zeros for the reference, which no time depends on. */
async function openDpo(
  specification: DpoSpecification,
  {
    read,
    inputs,
    context,
    store,
  }: { read: ReadDpo; inputs: RunInputs; context: RecipeContext; store: Parameters<typeof readDpo>[1]['store'] },
): Promise<PlanSession> {
  const { objective, data, lacking } = read;
  const session = await openSession(specification, inputs, {
    context,
    movesReference: specification.referenceUpdate !== undefined,
    reference: lacking?.config,
  });
  const { width } = data.preferences;
  const { microBatchTokens, referenceUpdate: update } = specification;
  const steps = { ...specification, stages: data.stages };
  const reference = await openReference(session, inputs.reference, { objective, width, microBatchTokens });
  const rows = { objective, rows: data, steps, update, store };
  const isKnown = !objective.needsReference || (await isKnownReference(reference, rows));
  const zeros = (set: { readonly count: number }): ReferenceValues => {
    const values = new Float32Array(width * set.count);
    return { logps: values, sharedLogps: values };
  };
  const task = preferenceTask({
    policy: session.policy,
    objective,
    rows: data,
    reference: objective.needsReference
      ? {
          train: update === undefined ? named(zeros(data.train), objective) : undefined,
          heldOut: data.heldOut && named(zeros(data.heldOut), objective),
          update,
        }
      : {},
    beta: specification.objective,
    steps,
  });
  return {
    session,
    task,
    ...(isKnown ? {} : { openReference: () => reference.open() }),
    dispose: async () => {
      await reference.dispose();
      await session.dispose();
    },
  };
}

/** Of the statistics those that the objective reads. */
function named(values: ReferenceValues, { needs }: ReadDpo['objective']): ReferenceValues {
  return needs.includes('sharedReferenceLogps') ? values : { logps: values.logps };
}
