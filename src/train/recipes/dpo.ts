import {
  BASE_ERROR_ROWS,
  measureBaseError,
  measuredOf,
  openInputs,
  preferenceScoreGraph,
  type BaseError,
} from '../../policy/index.ts';
import { referenceFolder } from '../../score/index.ts';
import type { DpoSpecification } from '../../specification/index.ts';
import type { RecipeContext, RecipeResult } from '../context.ts';
import { trainInRunFolder } from '../run.ts';
import { samplePrompts } from '../samples.ts';
import { openSession, type Session } from '../session.ts';
import { chosenOf } from './choose-settings.ts';
import type { PlannedPreferences } from './preference-data.ts';
import { computeReference, describeReference, openReference } from './preference-reference.ts';
import { preferenceTask } from './preference-task.ts';
import { readDpo } from './read-dpo.ts';

/**
 * Preference optimization, from a specification to a run folder: open the model, tokenise the rows that the objective takes (pairs, unpaired answers
 * with labels, lists), compute the reference once, train, save. Throws bad-input, run-failed and cancelled as its parts do; nothing half-written is left behind.
 *
 * @example
 * ```ts
 * import { parseDpoSpecification, trainDpo } from 'preftune';
 *
 * const specification = parseDpoSpecification({ model: 'model.gguf', data: 'pairs.jsonl', output: 'run' });
 * const result = await trainDpo(specification, {
 *   resolve: async (named) => named,
 *   referenceCache: 'reference-cache',
 *   versions: {},
 *   isResuming: false,
 *   listener: { onStep: ({ step, metrics }) => console.log(step, metrics['loss'], metrics['rewards/margins']) },
 * });
 * console.log(result.artefact, result.verdict.findings);
 * ```
 */
export async function trainDpo(given: DpoSpecification, context: RecipeContext): Promise<RecipeResult> {
  const began = performance.now();
  const inputs = await openInputs(given, context);
  let session: Session | undefined;
  try {
    const store = referenceFolder(context.referenceCache, { onUnwritable: context.listener.onWarning });
    const { objective, data, lacking, prepared } = await readDpo(given, { inputs, context, store });
    const { specification } = data;
    context.listener.onPlan?.(prepared.plan);
    session = await openSession(specification, inputs, {
      context,
      movesReference: specification.referenceUpdate !== undefined,
      reference: lacking?.config,
    });
    const baseError = await baseErrorOf(session, data, context);
    const steps = { ...specification, stages: data.stages };
    const reference = await openReference(session, inputs.reference, {
      objective,
      width: data.preferences.width,
      microBatchTokens: specification.microBatchTokens,
    });
    const known = await computeReference(reference, {
      objective,
      rows: data,
      steps,
      update: specification.referenceUpdate,
      store,
      ...context,
    });
    await reference.dispose();
    const task = preferenceTask({
      policy: session.policy,
      objective,
      rows: data,
      reference: known,
      beta: specification.objective,
      steps,
    });
    return await trainInRunFolder({
      session,
      specification,
      context,
      task,
      prepared,
      began,
      reports: data.reports,
      check: data.check,
      heldOutRecords: data.heldOutRecords,
      asking: { textRows: data.textRows, asked: data.asked },
      promptsOf: (tokenizer) => samplePrompts(data.heldOut ?? data.train, tokenizer, specification.samples),
      trained: data.train,
      identity: {
        reference: objective.needsReference ? describeReference(reference, specification) : null,
        data: { train: data.train.fingerprint, heldOut: data.heldOut?.fingerprint ?? null, rows: data.train.count },
        ...measuredOf(baseError),
        ...chosenOf(specification, context),
      },
    });
  } finally {
    await session?.dispose();
    await inputs.close();
  }
}

/** What a compact base loses, on the first rows; run.json of a resumed run has it already. */
async function baseErrorOf(
  session: Session,
  { train, preferences }: PlannedPreferences,
  context: RecipeContext,
): Promise<BaseError | undefined> {
  if (context.isResuming) return undefined;
  const count = Math.min(BASE_ERROR_ROWS, train.count);
  return measureBaseError({
    ...session,
    scoreGraph: (decoder) => preferenceScoreGraph(decoder, { width: preferences.width }),
    batches: Array.from({ length: count }, (_, row) => preferences.batch([train.row(row)])),
    context,
  });
}
