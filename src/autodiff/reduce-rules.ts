import {
  broadcastTo,
  cast,
  dimSize,
  div,
  equal,
  mul,
  neg,
  reduceSum,
  softmax,
  sub,
  unsqueeze,
  where,
  type Node,
} from '../graph/index.ts';
import { scaled, alignReduced, type CotangentRules } from './cotangent.ts';

/** p (g - sum(g p)) over the last axis: the cotangent of z for p = softmax(z). */
export function softmaxCotangent(p: Node, g: Node): Node {
  return mul(p, sub(g, reduceSum(mul(g, p), { axes: [-1], keepDims: true })));
}

export const REDUCE_RULES = {
  reduceSum: ({ inputs: [x], attributes: { axes } }, g) => [
    axes.length === 0 ? g : broadcastTo(alignReduced(g, x!.shape, axes), x!.shape),
  ],
  // Maxima that are equal share the cotangent equally.
  reduceMax: (node, g) => {
    const x = node.inputs[0]!;
    const { axes } = node.attributes;
    const isMax = equal(x, alignReduced(node as Node, x.shape, axes));
    const count = reduceSum(cast(isMax, 'float32'), { axes, keepDims: true });
    return [where(isMax, div(alignReduced(g, x.shape, axes), count), 0)];
  },
  softmax: (node, g) => [softmaxCotangent(node as Node, g)],
  logSumExp: ({ inputs: [x] }, g) => [scaled(unsqueeze(g, -1), softmax(x!))],
  // With y = (mean(x^2) + epsilon)^(-1/2): dy/dx = -y^3 x / n. The factors that each row shares come first.
  inverseRms: (node, g) => {
    const x = node.inputs[0]!;
    const y = node as Node;
    const length = x.shape.at(-1)!;
    const minusLength = typeof length === 'number' ? -length : neg(cast(dimSize(length), 'float32'));
    return [mul(x, div(mul(g, mul(y, mul(y, y))), minusLength))];
  },
  argsort: () => [undefined],
} satisfies Partial<CotangentRules>;
