import { rowsOf, type RowSet, type TokenizedCompletion } from '../../data/index.ts';
import { completionLossGraph, completionMicroBatch } from '../../policy/index.ts';
import { epochSource, type EpochOptions } from '../loop/epochs.ts';
import { completionMetrics } from '../loop/metrics.ts';
import type { BatchRows } from '../loop/source.ts';
import type { Measure, Task } from '../loop/task.ts';
import type { PolicyGraphs } from './preference-task.ts';

export interface CompletionTaskOptions {
  readonly policy: Pick<PolicyGraphs, 'parameters' | 'training' | 'evaluation'>;
  readonly rows: {
    readonly train: RowSet<TokenizedCompletion>;
    readonly heldOut?: RowSet<TokenizedCompletion> | undefined;
  };
  /** Whether the tokens of prompts are scored too. */
  readonly scorePrompt: boolean;
  readonly steps: EpochOptions;
}

/** The task of supervised fine-tuning from what is in memory: loss in nats per scored token of the optimizer batch. Pure, as preferenceTask is. */
export function completionTask({ policy, rows, scorePrompt, steps }: CompletionTaskOptions): Task {
  const batchRows = (set: RowSet<TokenizedCompletion>): BatchRows => ({
    rows: rowsOf(set),
    batch: (numbers) =>
      completionMicroBatch(
        numbers.map((row) => set.row(row)),
        scorePrompt,
      ),
  });
  const lossScale = (numbers: readonly number[]): number =>
    1 / numbers.reduce((sum, row) => sum + scoredTokens(rows.train.row(row), scorePrompt), 0);
  return {
    graphs: {
      train: completionLossGraph(policy.training, { parameters: policy.parameters }),
      evaluate: completionLossGraph(policy.evaluation, { parameters: [] }),
    },
    source: async () => epochSource({ ...batchRows(rows.train), lossScale }, steps),
    parts: [],
    heldOut: rows.heldOut && batchRows(rows.heldOut),
    measure: measureCompletions,
  };
}

/** Scored tokens of a row: its completion's under the mask, or all with the prompt's; the first token of a text is not predicted. */
function scoredTokens({ prompt, completion, completionMask }: TokenizedCompletion, scorePrompt: boolean): number {
  if (scorePrompt) return prompt.length + completion.length - 1;
  const own = completionMask?.reduce((sum, scored) => sum + scored, 0) ?? completion.length;
  return prompt.length === 0 ? own - (completionMask?.[0] ?? 1) : own;
}

function measureCompletions(): Measure {
  const sums = completionMetrics();
  return {
    add: (batch, outputs) =>
      sums.add({ losses: outputs['losses']!.data, entropies: outputs['entropies']!.data, counts: batch.counts }),
    result: sums.result,
  };
}
