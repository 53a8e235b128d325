import { badInput } from '../../core/index.ts';
import { ratioEstimate, type Estimate } from './estimates.ts';

/** The tokens of an answer that the policy drew, each under both models. */
export interface DrawnTokens {
  /** Answers of one prompt are one cluster. */
  readonly prompt: string;
  /** log pi of each token, nats; the stop token is one of them. */
  readonly logps: ArrayLike<number>;
  readonly referenceLogps: ArrayLike<number>;
  /** KL(pi || ref) of each token's distribution over the whole vocabulary, where it is known. */
  readonly kls?: ArrayLike<number>;
}

/** KL(policy || reference), nats. */
export interface KlEstimate {
  /** Per answer, from log-ratios: unbiased, noisy. */
  readonly logRatio: Estimate;
  /** Per answer, from r - 1 - log r with r = ref / pi of each token: never negative, usually less noisy. */
  readonly k3: Estimate;
  /** Per answer, the KL of every distribution along the answers: the least noisy. Null where it was not computed. */
  readonly exact: Estimate | null;
  /** The best of these, per answer and per token. */
  readonly perAnswer: Estimate;
  readonly perToken: Estimate;
  readonly method: 'exact' | 'k3';
}

/**
 * How far a policy went from its reference, over answers drawn from the policy at temperature 1 and without cuts (otherwise it is another
 * distribution that is measured). For an answer with tokens t and D_t = log pi - log ref: sum D_t; sum (exp(-D_t) - 1 + D_t); sum KL_t. All three have
 * KL(pi || ref) of whole answers as their mean. Standard errors are clustered by prompt. Null for no answers.
 *
 * Source: the chain rule of relative entropy; Schulman 2020, "Approximating KL divergence" (k1, k3), taken per token; the third is the second's
 * conditional expectation (Amini et al. 2025, "Better estimation of the KL divergence between language models").
 */
export function estimateKl(answers: readonly DrawnTokens[]): KlEstimate | null {
  if (answers.length === 0) return null;
  const prompts = answers.map(({ prompt }) => prompt);
  const ones = new Float64Array(answers.length).fill(1);
  const sums = answers.map(sumsOf);
  const perAnswer = (values: readonly number[]): Estimate => ratioEstimate(values, ones, prompts)!;
  const [logRatios, k3s] = [sums.map(({ logRatio }) => logRatio), sums.map(({ k3 }) => k3)];
  const exacts = sums.map(({ exact }) => exact);
  const isExact = exacts.every((value) => value !== undefined);
  const best = isExact ? (exacts as number[]) : k3s;
  return {
    logRatio: perAnswer(logRatios),
    k3: perAnswer(k3s),
    exact: isExact ? perAnswer(exacts as number[]) : null,
    perAnswer: perAnswer(best),
    perToken: ratioEstimate(
      best,
      answers.map(({ logps }) => logps.length),
      prompts,
    )!,
    method: isExact ? 'exact' : 'k3',
  };
}

function sumsOf({ prompt, logps, referenceLogps, kls }: DrawnTokens): { logRatio: number; k3: number; exact?: number } {
  if (logps.length !== referenceLogps.length || logps.length === 0 || (kls && kls.length !== logps.length))
    throw badInput(
      `estimateKl: an answer must have as many log-probabilities from both models, and at least one, got ${logps.length} and ${referenceLogps.length} for prompt ${prompt}`,
    );
  let [logRatio, k3, exact] = [0, 0, 0];
  for (let t = 0; t < logps.length; t++) {
    const difference = logps[t]! - referenceLogps[t]!;
    logRatio += difference;
    k3 += Math.expm1(-difference) + difference;
    exact += kls?.[t] ?? 0;
  }
  return { logRatio, k3, ...(kls && { exact }) };
}
