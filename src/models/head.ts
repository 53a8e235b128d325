import { matmul, mul, type Node } from '../graph/index.ts';
import { softCapped } from './activation.ts';
import type { Decoder } from './decoder.ts';
import { headName } from './parameters.ts';

/** The [V, D] matrix whose product with a hidden state gives the scores of the vocabulary. */
export function headWeight({ config, weights, head }: Decoder): Node {
  return head ?? weights(headName(config));
}

/** Hidden states [N, D] whose product with the head is the scores, before a soft cap: the states times logitScale. */
export function scoringStates({ config: { logitScale } }: Decoder, hidden: Node): Node {
  return logitScale === 1 ? hidden : mul(hidden, logitScale);
}

/** Scores of the whole vocabulary: hidden [N, D] -> [N, V]. Only for few positions; losses use tokenStatistics. */
export function logits(decoder: Decoder, hidden: Node): Node {
  const states = scoringStates(decoder, hidden);
  const isCompact = decoder.head === undefined && decoder.scores !== undefined;
  const scores = isCompact ? decoder.scores(states) : matmul(states, headWeight(decoder), { transposeB: true });
  return softCapped(scores, decoder.config.logitSoftCap);
}
