import { loadCompletions, type RowSet, type TokenizedCompletion, rowsOf } from '../../data/index.ts';
import {
  BASE_ERROR_ROWS,
  measureBaseError,
  measuredOf,
  completionLossGraph,
  completionScoreGraph,
  completionMicroBatch,
  openInputs,
  loadOptions,
} from '../../policy/index.ts';
import type { RecipeContext, RecipeResult } from '../context.ts';
import { completionMetrics } from '../loop/metrics.ts';
import { samplePrompts } from '../samples.ts';
import { openSession, trainInRunFolder, type Session } from '../session.ts';
import { loadTrainingData } from '../training-data.ts';
import type { SftSpecification } from '../../specification/index.ts';
import type { Split, Task } from '../loop/task.ts';

/**
 * Supervised fine-tuning, on completions, on all tokens, or on plain text (which makes it a pre-trainer), from a
 * specification to a run folder. Throws as its parts do.
 */
export async function trainSft(specification: SftSpecification, context: RecipeContext): Promise<RecipeResult> {
  const inputs = await openInputs(specification, context);
  let session: Session | undefined;
  try {
    const { chosenOfPairs, initialise } = specification;
    const data = await loadTrainingData(specification, { inputs, context }, (sources) =>
      loadCompletions(sources, { ...loadOptions(specification, { inputs, context }), chosenOfPairs }),
    );
    session = await openSession(specification, inputs, { context, initialise });
    const { policy } = session;
    const rows = data.heldOut ?? data.train;
    const baseError = context.isResuming
      ? undefined
      : await measureBaseError({
          ...session,
          scoreGraph: completionScoreGraph,
          batches: Array.from({ length: Math.min(BASE_ERROR_ROWS, rows.count) }, (_, i) =>
            completionMicroBatch([rows.row(i)], specification.loss === 'all'),
          ),
          context,
        });
    return await trainInRunFolder({
      session,
      specification,
      context,
      task: completionTask(data, specification.loss === 'all'),
      graphs: {
        train: completionLossGraph(policy.training, { parameters: policy.parameters }),
        evaluate: completionLossGraph(policy.evaluation, { parameters: [] }),
      },
      reports: data.reports,
      promptsOf: (tokenizer) => samplePrompts(data.heldOut ?? data.train, tokenizer, specification.samples),
      identity: {
        reference: null,
        data: { train: data.train.fingerprint, heldOut: data.heldOut?.fingerprint ?? null, rows: data.train.count },
        ...measuredOf(baseError),
      },
    });
  } finally {
    await session?.dispose();
    await inputs.close();
  }
}

/** Scored tokens of a row: its completion, the prompt too for all tokens; the first token of a text is not predicted. */
function scoredTokens({ prompt, completion }: TokenizedCompletion, scorePrompt: boolean): number {
  if (prompt.length === 0) return completion.length - 1;
  return scorePrompt ? prompt.length + completion.length - 1 : completion.length;
}

/** The task of supervised fine-tuning: loss in nats per scored token of the optimizer batch, prompts scored too with `scorePrompt`. */
export function completionTask(
  splits: { readonly train: RowSet<TokenizedCompletion>; readonly heldOut: RowSet<TokenizedCompletion> | undefined },
  scorePrompt: boolean,
): Task {
  const of = (split: Split): RowSet<TokenizedCompletion> => (split === 'train' ? splits.train : splits.heldOut!);
  return {
    train: rowsOf(splits.train),
    heldOut: splits.heldOut && rowsOf(splits.heldOut),
    lossScale: (rows) => 1 / rows.reduce((sum, row) => sum + scoredTokens(splits.train.row(row), scorePrompt), 0),
    batch: (split, rows) =>
      completionMicroBatch(
        rows.map((row) => of(split).row(row)),
        scorePrompt,
      ),
    measure: () => {
      const sums = completionMetrics();
      return {
        add: (batch, outputs) =>
          sums.add({ losses: outputs['losses']!.data, entropies: outputs['entropies']!.data, counts: batch.counts }),
        result: sums.result,
      };
    },
  };
}
