import type { RowSet, TokenizedCompletion } from '../../data/index.ts';
import {
  BASE_ERROR_ROWS,
  completionMicroBatch,
  completionScoreGraph,
  measureBaseError,
  measuredOf,
  openInputs,
  type BaseError,
} from '../../policy/index.ts';
import type { SftSpecification } from '../../specification/index.ts';
import type { RecipeContext, RecipeResult } from '../context.ts';
import { trainInRunFolder } from '../run.ts';
import { samplePrompts } from '../samples.ts';
import { openSession, type Session } from '../session.ts';
import { chosenOf } from './choose-settings.ts';
import { completionTask } from './completion-task.ts';
import { readSft } from './read-sft.ts';

/**
 * Supervised fine-tuning, on completions, on all tokens, or on plain text (which makes it a pre-trainer), from a
 * specification to a run folder. Throws as its parts do.
 *
 * @example
 * ```ts
 * import { parseSftSpecification, trainSft } from 'preftune';
 *
 * const specification = parseSftSpecification({ model: 'model.gguf', data: 'answers.jsonl', output: 'run' });
 * const result = await trainSft(specification, {
 *   resolve: async (named) => named,
 *   referenceCache: 'reference-cache',
 *   versions: {},
 *   isResuming: false,
 *   listener: { onStep: ({ step, metrics }) => console.log(step, metrics['loss']) },
 * });
 * console.log(result.artefact, result.lastStep?.['loss']);
 * ```
 */
export async function trainSft(given: SftSpecification, context: RecipeContext): Promise<RecipeResult> {
  const began = performance.now();
  const inputs = await openInputs(given, context);
  let session: Session | undefined;
  try {
    const { initialise } = given;
    const { specification, data, stages, textRows, prepared } = await readSft(given, { inputs, context });
    context.listener.onPlan?.(prepared.plan);
    const shown = data.heldOut ?? data.train;
    session = await openSession(specification, inputs, { context, initialise });
    const scorePrompt = specification.loss === 'all';
    const baseError = await baseErrorOf(session, shown, { scorePrompt, context });
    return await trainInRunFolder({
      session,
      specification,
      context,
      task: completionTask({ policy: session.policy, rows: data, scorePrompt, steps: { ...specification, stages } }),
      prepared,
      began,
      reports: data.reports,
      check: data.check,
      heldOutRecords: data.heldOutRecords,
      asking: { textRows, asked: data.asked },
      promptsOf: (tokenizer) => samplePrompts(shown, tokenizer, specification.samples),
      trained: data.train,
      identity: {
        reference: null,
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
  rows: RowSet<TokenizedCompletion>,
  { scorePrompt, context }: { readonly scorePrompt: boolean; readonly context: RecipeContext },
): Promise<BaseError | undefined> {
  if (context.isResuming) return undefined;
  return measureBaseError({
    ...session,
    scoreGraph: completionScoreGraph,
    batches: Array.from({ length: Math.min(BASE_ERROR_ROWS, rows.count) }, (_, row) =>
      completionMicroBatch([rows.row(row)], scorePrompt),
    ),
    context,
  });
}
