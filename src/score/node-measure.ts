import { badInput } from '../core/index.ts';
import type { TokenizedCompletion } from '../data/index.ts';
import {
  compileBatchProgram,
  completionMicroBatch,
  hintsFor,
  openPolicy,
  scoringGraph,
  type OpenPolicyOptions,
  type PolicySource,
} from '../policy/index.ts';

/** Tokens of a typical text. */
const SAMPLE_TOKENS = 256;

/** A text of which every token but the first is scored. */
export interface Sample {
  readonly ids: readonly number[];
}

/** Log-probabilities in nats of every token but the first of each sample, one after the other, by the engine that trains. Throws as openPolicy does. */
export async function sampleLogps(
  model: PolicySource,
  samples: readonly Sample[],
  options: Pick<OpenPolicyOptions, 'threads' | 'availableBytes'> = {},
): Promise<Float32Array> {
  const policy = await openPolicy(model, { ...options, purpose: 'scoring', microBatchTokens: SAMPLE_TOKENS });
  try {
    const { device, decoder, resident } = policy;
    const program = await compileBatchProgram(
      device,
      { evaluate: scoringGraph({ decoder }, { per: 'token', statistics: ['logps'] }) },
      { label: 'export', hints: hintsFor(SAMPLE_TOKENS, SAMPLE_TOKENS), resident },
    );
    await program.refresh();
    const found: number[] = [];
    for (const [index, { ids }] of samples.entries()) {
      const row: TokenizedCompletion = {
        id: String(index),
        prompt: Int32Array.from(ids.slice(0, 1)),
        completion: Int32Array.from(ids.slice(1)),
      } as TokenizedCompletion;
      const { logps } = await program.evaluate(completionMicroBatch([row], false).inputs);
      found.push(...(logps!.data as Float32Array));
    }
    return Float32Array.from(found);
  } finally {
    await policy.dispose();
  }
}

/** How far two sets of log-probabilities stand apart, in nats per token. */
export interface Deviation {
  readonly tokens: number;
  /** Mean of |difference|. */
  readonly mean: number;
  readonly largest: number;
  /** Mean difference, with its sign: how much likelier or less likely the texts became. */
  readonly bias: number;
}

/** Compares log-probabilities of the same tokens. Throws bad-input when there are not as many. */
export function deviationOf(actual: Float32Array, expected: Float32Array): Deviation {
  if (actual.length !== expected.length || actual.length === 0)
    throw badInput(`export: ${expected.length} tokens must be scored, got ${actual.length}; the tokenizer has changed`);
  let [sum, signed, largest] = [0, 0, 0];
  for (const [i, value] of actual.entries()) {
    const difference = value - expected[i]!;
    sum += Math.abs(difference);
    signed += difference;
    // NaN must not pass as small.
    largest = Math.abs(difference) <= largest ? largest : Math.abs(difference);
  }
  return { tokens: actual.length, mean: sum / actual.length, largest, bias: signed / actual.length };
}
