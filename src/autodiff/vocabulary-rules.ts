import {
  add,
  matmul,
  mul,
  reduceSum,
  softmax,
  softmaxMatmul,
  softmaxOuter,
  unsqueeze,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { scaled, type CotangentRules } from './cotangent.ts';
import { softmaxCotangent } from './reduce-rules.ts';

/** softmax(h e^T), whole: only gradients of gradients need it. */
function shares(h: Node, e: Node): Node {
  return softmax(matmul(h, e, { transposeB: true }));
}

/** y = P e with P = softmax(h e^T). */
function softmaxMatmulCotangents({ inputs }: NodeOf<'softmaxMatmul'>, g: Node): readonly Node[] {
  const [h, e] = inputs as [Node, Node];
  const p = shares(h, e);
  const dz = softmaxCotangent(p, matmul(g, e, { transposeB: true }));
  return [matmul(dz, e), add(matmul(p, g, { transposeA: true }), matmul(dz, h, { transposeA: true }))];
}

/** y = P^T (w h) with P = softmax(h e^T) and w one factor a row. */
function softmaxOuterCotangents({ inputs }: NodeOf<'softmaxOuter'>, g: Node): readonly Node[] {
  const [h, e, weight] = inputs as [Node, Node, Node];
  const p = shares(h, e);
  const w = unsqueeze(weight, 1);
  const dz = softmaxCotangent(p, matmul(mul(w, h), g, { transposeB: true }));
  const pg = matmul(p, g);
  return [add(mul(w, pg), matmul(dz, e)), matmul(dz, h, { transposeA: true }), reduceSum(mul(h, pg), { axes: [1] })];
}

export const VOCABULARY_RULES = {
  // Both parts are computed in chunks like the node itself.
  logSumExpMatmul: ({ inputs: [h, e] }, g) => [scaled(unsqueeze(g, 1), softmaxMatmul(h!, e!)), softmaxOuter(h!, e!, g)],
  softmaxMatmul: softmaxMatmulCotangents,
  softmaxOuter: softmaxOuterCotangents,
} satisfies Partial<CotangentRules>;
