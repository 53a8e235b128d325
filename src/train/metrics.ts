/**
 * The numbers of a step, exact over its rows: sums are kept in float64 and divided once, however the rows were cut into
 * micro-batches. Names are TRL's.
 */
export type Metrics = Readonly<Record<string, number>>;

/** What a micro-batch gives for each pair: [R, 2] arrays hold chosen and rejected side by side. */
export interface PairOutputs {
  readonly losses: ArrayLike<number>;
  readonly logps: ArrayLike<number>;
  readonly entropies: ArrayLike<number>;
  readonly meanLogits: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
  readonly referenceLogps: ArrayLike<number>;
}

export interface MetricSums<Outputs> {
  add(outputs: Outputs): void;
  /** Throws nothing; NaN where there were no rows. */
  result(): Metrics;
}

/** 1 when the chosen side is ahead, 0 when it is behind, one half for a tie. */
export function tieAsHalf(margin: number): number {
  if (margin === 0) return 0.5;
  return margin > 0 ? 1 : 0;
}

/** A sum for chosen and one for rejected. */
function perSide(): [number, number] {
  return [0, 0];
}

/**
 * loss, rewards/chosen, rewards/rejected, rewards/margins, logps/chosen, logps/rejected: means over pairs, where a reward is
 * beta (log pi - log ref) of the whole answer. rewards/accuracies: share of pairs whose chosen reward is higher, a tie
 * counting one half (TRL counts it 0). logits/chosen, logits/rejected: mean raw score over scored tokens and vocabulary.
 * entropy: mean over all scored tokens, nats.
 */
export function pairMetrics(beta: number): MetricSums<PairOutputs> {
  let pairs = 0;
  let [loss, accuracy] = [0, 0];
  const [rewards, logps, logits, tokens] = [perSide(), perSide(), perSide(), perSide()];
  let entropy = 0;
  return {
    add: (outputs) => {
      for (let pair = 0; pair < outputs.losses.length; pair++) {
        const reward = perSide();
        for (const side of [0, 1] as const) {
          const at = 2 * pair + side;
          const count = outputs.counts[at]!;
          reward[side] = beta * (outputs.logps[at]! - outputs.referenceLogps[at]!);
          rewards[side] += reward[side];
          logps[side] += outputs.logps[at]!;
          logits[side] += outputs.meanLogits[at]! * count;
          entropy += outputs.entropies[at]! * count;
          tokens[side] += count;
        }
        accuracy += tieAsHalf(reward[0] - reward[1]);
        loss += outputs.losses[pair]!;
        pairs += 1;
      }
    },
    result: () => ({
      loss: loss / pairs,
      'rewards/chosen': rewards[0] / pairs,
      'rewards/rejected': rewards[1] / pairs,
      'rewards/margins': (rewards[0] - rewards[1]) / pairs,
      'rewards/accuracies': accuracy / pairs,
      'logps/chosen': logps[0] / pairs,
      'logps/rejected': logps[1] / pairs,
      'logits/chosen': logits[0] / tokens[0],
      'logits/rejected': logits[1] / tokens[1],
      entropy: entropy / (tokens[0] + tokens[1]),
    }),
  };
}

/** What a micro-batch gives for each completion. */
export interface CompletionOutputs {
  readonly losses: ArrayLike<number>;
  readonly entropies: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
}

/** loss: nats per scored token; entropy: mean over scored tokens. */
export function completionMetrics(): MetricSums<CompletionOutputs> {
  let [loss, entropy, tokens] = [0, 0, 0];
  return {
    add: (outputs) => {
      for (let row = 0; row < outputs.losses.length; row++) {
        const count = outputs.counts[row]!;
        loss += outputs.losses[row]!;
        entropy += outputs.entropies[row]! * count;
        tokens += count;
      }
    },
    result: () => ({ loss: loss / tokens, entropy: entropy / tokens }),
  };
}
