/** What is done to scores before a token is chosen. */
export interface ScoreChanges {
  /** Scores of ids that were there, in prompt or answer, are divided by it where they are above 0, and multiplied where they are below. Default 1. */
  readonly repetitionPenalty?: number;
  /** Taken off the score of an id that came in the answer; the prompt does not count. In [-2, 2], default 0. */
  readonly presencePenalty?: number;
  /** Taken off the score of an id for every time that it came in the answer; the prompt does not count. In [-2, 2], default 0. */
  readonly frequencyPenalty?: number;
  /** Added to the scores of ids, in [-100, 100]. */
  readonly logitBias?: ReadonlyMap<number, number> | undefined;
}

/** What came before the token that is chosen; what is left out counts as nothing. */
export interface TokenHistory {
  /** Ids of prompt and answer, for repetitionPenalty. */
  readonly seen?: ReadonlySet<number> | undefined;
  /** How often each id came in the answer, for presencePenalty and frequencyPenalty. */
  readonly generated?: ReadonlyMap<number, number> | undefined;
}

/**
 * Changes the scores of a few ids in place, in float32, and gives what brings them back. In this order: the repetition penalty on what the model says; then, off the
 * score, `presence + count frequency` for an id that came `count` > 0 times in the answer; then the bias.
 *
 * Source: Keskar et al. 2019 (CTRL), section 4.1; OpenAI's API reference, "frequency and presence penalties": mu[j] - c[j] frequency - (c[j] > 0) presence, c counts what
 * was sampled, and logit_bias, which is added before sampling. vLLM counts the same: the prompt matters to the repetition penalty alone. Where a score has both a bias and a
 * repetition penalty vLLM adds the bias first, so that the penalty scales it; here a bias of 5 is 5.
 */
export function adjustScores(
  scores: Float32Array,
  { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias }: ScoreChanges,
  { seen, generated }: TokenHistory,
): () => void {
  const ids: number[] = [];
  const before: number[] = [];
  const change = (id: number, value: number): void => {
    ids.push(id);
    before.push(scores[id]!);
    scores[id] = value;
  };
  if (repetitionPenalty !== 1 && seen !== undefined)
    for (const id of seen)
      change(id, scores[id]! > 0 ? scores[id]! / repetitionPenalty : scores[id]! * repetitionPenalty);
  if ((presencePenalty !== 0 || frequencyPenalty !== 0) && generated !== undefined)
    for (const [id, count] of generated) change(id, scores[id]! - (presencePenalty + count * frequencyPenalty));
  if (logitBias !== undefined) for (const [id, bias] of logitBias) change(id, scores[id]! + bias);
  return () => {
    // One id may have changed several times.
    for (let i = ids.length - 1; i >= 0; i--) scores[ids[i]!] = before[i]!;
  };
}
