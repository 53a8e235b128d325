import { tieAsHalf } from '../../statistics/index.ts';
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
  /** The objective's implicit rewards. */
  readonly rewards: ArrayLike<number>;
}

export interface MetricSums<Outputs> {
  add(outputs: Outputs): void;
  /** Throws nothing; NaN where there were no rows. */
  result(): Metrics;
  /** Pairs (or lists) that rewards/accuracies are of; of unpaired answers, those of the rarer kind. */
  compared?(): number;
}

/** A sum for chosen and one for rejected. */
function perSide(): [number, number] {
  return [0, 0];
}

/**
 * loss, rewards/chosen, rewards/rejected, rewards/margins, logps/chosen, logps/rejected: means over pairs. rewards/accuracies: share of pairs whose chosen reward is higher, a tie
 * counting one half (TRL counts it 0). logits/chosen, logits/rejected: mean raw score over scored tokens and vocabulary.
 * entropy: mean over all scored tokens, nats. lengths/chosen, lengths/rejected: mean scored tokens. rewards/length_correlation: Pearson's, over
 * pairs, between the margin and by how many tokens the chosen answer is longer; 0 where one of them is the same for all.
 */
export function pairMetrics(): MetricSums<PairOutputs> {
  let pairs = 0;
  let [loss, accuracy] = [0, 0];
  const [rewards, logps, logits, tokens] = [perSide(), perSide(), perSide(), perSide()];
  let entropy = 0;
  const correlation = pearson();
  return {
    add: (outputs) => {
      for (let pair = 0; pair < outputs.losses.length; pair++) {
        const reward = perSide();
        for (const side of [0, 1] as const) {
          const at = 2 * pair + side;
          const count = outputs.counts[at]!;
          reward[side] = outputs.rewards[at]!;
          rewards[side] += reward[side];
          logps[side] += outputs.logps[at]!;
          logits[side] += outputs.meanLogits[at]! * count;
          entropy += outputs.entropies[at]! * count;
          tokens[side] += count;
        }
        accuracy += tieAsHalf(reward[0] - reward[1]);
        correlation.add(reward[0] - reward[1], outputs.counts[2 * pair]! - outputs.counts[2 * pair + 1]!);
        loss += outputs.losses[pair]!;
        pairs += 1;
      }
    },
    compared: () => pairs,
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
      'lengths/chosen': tokens[0] / pairs,
      'lengths/rejected': tokens[1] / pairs,
      'rewards/length_correlation': correlation.result(),
    }),
  };
}

/** Pearson's correlation by Welford's running means, which long sums of squares cannot cancel. 0 without variation. */
function pearson(): { add(x: number, y: number): void; result(): number } {
  let [count, meanX, meanY, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  return {
    add: (x, y) => {
      count += 1;
      const [dx, dy] = [x - meanX, y - meanY];
      meanX += dx / count;
      meanY += dy / count;
      xx += dx * (x - meanX);
      yy += dy * (y - meanY);
      xy += dx * (y - meanY);
    },
    result: () => (xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0),
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

/** What a micro-batch gives for unpaired answers: [R, W] arrays, the answer in the first column, a mismatched one in the second. */
export interface UnpairedOutputs extends PairOutputs {
  /** [R] 1: desirable. */
  readonly labels: ArrayLike<number>;
  readonly referenceLogps: ArrayLike<number>;
}

/**
 * Means over desirable (`chosen`) and undesirable (`rejected`) answers apart, each left out where there is none: rewards/*, logps/*, logits/*.
 * rewards/margins: the difference of the two rewards. rewards/accuracies: share of all (desirable, undesirable) pairs of the step's answers in which the desirable
 * one has the higher reward, a tie one half; TRL's KTO has no such metric. kl: the reference point, max(0, mean log-ratio of the mismatched answers), nats. loss and entropy as
 * pairMetrics.
 */
export function unpairedMetrics(width: number): MetricSums<UnpairedOutputs> {
  const rewards: [undesirable: number[], desirable: number[]] = [[], []];
  const [logps, logits, tokens] = [perSide(), perSide(), perSide()];
  let [loss, rows, entropy, mismatched] = [0, 0, 0, 0];
  return {
    add: (outputs) => {
      for (let row = 0; row < outputs.losses.length; row++) {
        const at = width * row;
        const side = outputs.labels[row] === 1 ? 1 : 0;
        const count = outputs.counts[at]!;
        rewards[side].push(outputs.rewards[at]!);
        logps[side] += outputs.logps[at]!;
        logits[side] += outputs.meanLogits[at]! * count;
        tokens[side] += count;
        entropy += outputs.entropies[at]! * count;
        if (width === 2) mismatched += outputs.logps[at + 1]! - outputs.referenceLogps[at + 1]!;
        loss += outputs.losses[row]!;
        rows += 1;
      }
    },
    compared: () => Math.min(rewards[0].length, rewards[1].length),
    result: () => {
      const metrics: Record<string, number> = { loss: loss / rows };
      const meanReward = rewards.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
      for (const [side, name] of [
        [1, 'chosen'],
        [0, 'rejected'],
      ] as const) {
        const count = rewards[side].length;
        if (count === 0) continue;
        metrics[`rewards/${name}`] = meanReward[side]!;
        metrics[`logps/${name}`] = logps[side] / count;
        metrics[`logits/${name}`] = logits[side] / tokens[side];
      }
      if (rewards[0].length > 0 && rewards[1].length > 0) {
        metrics['rewards/margins'] = meanReward[1]! - meanReward[0]!;
        metrics['rewards/accuracies'] = shareAbove(rewards[1], rewards[0]);
      }
      if (width === 2) metrics['kl'] = Math.max(0, mismatched / rows);
      metrics['entropy'] = entropy / (tokens[0] + tokens[1]);
      return metrics;
    },
  };
}

/** P(a > b) + P(a = b) / 2 over all pairs of the two: the Mann-Whitney statistic over its largest value. */
function shareAbove(as: readonly number[], bs: readonly number[]): number {
  const all = [...as.map((value) => ({ value, isA: true })), ...bs.map((value) => ({ value, isA: false }))];
  all.sort((x, y) => x.value - y.value);
  let [below, share] = [0, 0];
  for (let start = 0; start < all.length;) {
    let end = start;
    let [tiedA, tiedB] = [0, 0];
    for (; end < all.length && all[end]!.value === all[start]!.value; end++) {
      if (all[end]!.isA) tiedA += 1;
      else tiedB += 1;
    }
    share += tiedA * (below + tiedB / 2);
    below += tiedB;
    start = end;
  }
  return share / (as.length * bs.length);
}

/** What a micro-batch gives for lists: [R, W] arrays, best first. */
export interface RankingOutputs extends PairOutputs {
  /** [R, W] 1 where there is an answer. */
  readonly present: ArrayLike<number>;
}

/**
 * Of lists: rewards/chosen, logps/chosen, logits/chosen are the best answer's, .../rejected the mean over the others; rewards/margins their difference;
 * rewards/accuracies: share of pairs of answers of one list whose rewards stand as the list has them, a tie one half. A loss that compares the second answer with
 * the last one, the first being imitated, is measured by these two, as in TRL. Means over the lists that have two answers.
 */
export function rankingMetrics(width: number, compares: 'first' | 'second' = 'first'): MetricSums<RankingOutputs> {
  const [rewards, logps, logits] = [perSide(), perSide(), perSide()];
  let [loss, lists, compared, accuracy, entropy, tokens] = [0, 0, 0, 0, 0, 0];
  return {
    add: (outputs) => {
      for (let list = 0; list < outputs.losses.length; list++) {
        const places = Array.from({ length: width }, (_, place) => width * list + place).filter(
          (at) => outputs.present[at] === 1,
        );
        loss += outputs.losses[list]!;
        lists += 1;
        for (const at of places) {
          entropy += outputs.entropies[at]! * outputs.counts[at]!;
          tokens += outputs.counts[at]!;
        }
        if (places.length < 2) continue;
        compared += 1;
        const rewardOf = (at: number): number => outputs.rewards[at]!;
        const [best, ...others] = compares === 'first' ? places : [places[places.length > 2 ? 1 : 0]!, places.at(-1)!];
        for (const [sums, of] of [
          [rewards, rewardOf],
          [logps, (at: number) => outputs.logps[at]!],
          [logits, (at: number) => outputs.meanLogits[at]!],
        ] as const) {
          sums[0] += of(best!);
          sums[1] += others.reduce((sum, at) => sum + of(at), 0) / others.length;
        }
        const ordered = [best!, ...others].map(rewardOf);
        const pairs = ordered.flatMap((better, i) => ordered.slice(i + 1).map((worse) => tieAsHalf(better - worse)));
        accuracy += pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
      }
    },
    compared: () => compared,
    result: () => ({
      loss: loss / lists,
      'rewards/chosen': rewards[0] / compared,
      'rewards/rejected': rewards[1] / compared,
      'rewards/margins': (rewards[0] - rewards[1]) / compared,
      'rewards/accuracies': accuracy / compared,
      'logps/chosen': logps[0] / compared,
      'logps/rejected': logps[1] / compared,
      'logits/chosen': logits[0] / compared,
      'logits/rejected': logits[1] / compared,
      entropy: entropy / tokens,
    }),
  };
}
