import { runFailed } from '../../core/index.ts';
import { likeliest } from './score-order.ts';
import { sumOfExponentials } from './sum-of-exponentials.ts';

/** A token with its log-probability under the model's own distribution: no temperature, cut, penalty, bias or constraint. Nats. */
export interface TokenLogp {
  readonly id: number;
  readonly logp: number;
}

/** More of them than this are found by a sort. */
const FEW = 32;

/** log softmax(scores) of a token, and of the `count` likeliest ones, likeliest first, the lower id of equal ones. Throws run-failed for scores that are not finite. */
export function logpsOf(scores: Float32Array, id: number, count: number): { logp: number; top: TokenLogp[] } {
  let most = -Infinity;
  for (let other = 0; other < scores.length; other++) if (scores[other]! > most) most = scores[other]!;
  const normaliser = most + Math.log(sumOfExponentials(scores, most));
  if (!Number.isFinite(normaliser))
    throw runFailed(
      `generate: the scores of a token must be finite, their softmax has the normaliser ${normaliser}; the weights may be damaged`,
    );
  const ids = count <= FEW ? fewLikeliest(scores, count) : likeliest(scores, count);
  const top = Array.from(ids, (other) => ({ id: other, logp: scores[other]! - normaliser }));
  return { logp: scores[id]! - normaliser, top };
}

/** As likeliest, in one pass. */
function fewLikeliest(scores: Float32Array, count: number): readonly number[] {
  const ids: number[] = [];
  if (count === 0) return ids;
  let least = -Infinity;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (score <= least && ids.length === count) continue;
    let place = ids.length;
    while (place > 0 && scores[ids[place - 1]!]! < score) place--;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
    least = scores[ids.at(-1)!]!;
  }
  return ids;
}
