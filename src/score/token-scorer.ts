import { PreftuneError } from '../core/index.ts';
import type { TokenizedCompletion } from '../data/index.ts';
import type { Graph } from '../graph/index.ts';
import type { Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import {
  compileBatchProgram,
  completionMicroBatch,
  hintsFor,
  scoringGraph,
  type ScoreStatistic,
} from '../policy/index.ts';

/** The scored tokens of one row, in order. Nats. */
export interface TokenScores {
  readonly logps: Float32Array;
  /** Of the distribution that each token was drawn from. */
  readonly entropies: Float32Array;
  /** With a reference in the same graph. */
  readonly referenceLogps?: Float32Array;
  /** KL(model || reference) over the vocabulary at each token, where both have one head. */
  readonly kls?: Float32Array;
}

export interface TokenScorer {
  /** Throws cancelled when the signal fires. */
  score(rows: readonly TokenizedCompletion[], onProgress?: (done: number) => void): Promise<TokenScores[]>;
  /** After the tensors on the device have changed. */
  refresh(): Promise<void>;
  dispose(): Promise<void>;
}

export interface TokenScorerOptions {
  readonly decoder: Decoder;
  /** The model without its adapter, computed beside it from the same weights. */
  readonly reference?: Decoder | undefined;
  /** Whether both multiply hidden states with the same matrix: then KL over the vocabulary is exact. */
  readonly sharesHead?: boolean;
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  readonly microBatchTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/** logps, entropies [C], and with a reference referenceLogps and, under one head, kls [C]. */
function tokenGraph({ decoder, reference, sharesHead = false }: TokenScorerOptions): Graph {
  const compared: readonly ScoreStatistic[] =
    reference === undefined ? [] : sharesHead ? ['referenceLogps', 'kls'] : ['referenceLogps'];
  return scoringGraph({ decoder, reference }, { per: 'token', statistics: ['logps', 'entropies', ...compared] });
}

/** Compiles what scores every token of completions with tensors that are on the device. */
export async function createTokenScorer(device: Device, options: TokenScorerOptions): Promise<TokenScorer> {
  const { resident, microBatchTokens, signal } = options;
  const program = await compileBatchProgram(
    device,
    { evaluate: tokenGraph(options) },
    { label: 'token scores', hints: hintsFor(microBatchTokens, microBatchTokens / 2), resident },
  );
  await program.refresh();
  return {
    refresh: () => program.refresh(),
    dispose: () => program.dispose(),
    async score(rows, onProgress) {
      const scores: TokenScores[] = [];
      for (const group of groupsOf(rows, microBatchTokens)) {
        if (signal?.aborted === true)
          throw new PreftuneError('cancelled', `evaluate: stopped after ${scores.length} of ${rows.length} texts`);
        const { inputs, counts } = completionMicroBatch(group, false);
        const outputs = await program.evaluate(inputs);
        let at = 0;
        for (const count of counts) {
          const part = (name: string): Float32Array => (outputs[name]!.data as Float32Array).slice(at, at + count);
          scores.push({
            logps: part('logps'),
            entropies: part('entropies'),
            ...(outputs['referenceLogps'] && { referenceLogps: part('referenceLogps') }),
            ...(outputs['kls'] && { kls: part('kls') }),
          });
          at += count;
        }
        onProgress?.(scores.length);
      }
      return scores;
    },
  };
}

/** Neighbours of together at most `maxTokens` tokens, or one that is longer. */
function* groupsOf(rows: readonly TokenizedCompletion[], maxTokens: number): Generator<TokenizedCompletion[]> {
  let [group, tokens]: [TokenizedCompletion[], number] = [[], 0];
  for (const row of rows) {
    const length = row.prompt.length + row.completion.length;
    if (group.length > 0 && tokens + length > maxTokens) {
      yield group;
      [group, tokens] = [[], 0];
    }
    group.push(row);
    tokens += length;
  }
  if (group.length > 0) yield group;
}
