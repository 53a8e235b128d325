import {
  add,
  cos,
  div,
  equal,
  exp,
  expm1,
  less,
  mul,
  neg,
  sigmoid,
  sign,
  sin,
  sub,
  where,
  type BinaryKind,
  type Node,
  type NodeOf,
  type UnaryKind,
} from '../graph/index.ts';
import { scaled, sumTo, type CotangentRules } from './cotangent.ts';

type Parts = readonly (Node | undefined)[];

/** A rule from the cotangent g, the input x and the value y. */
function unary(rule: (g: Node, x: Node, y: Node) => Node) {
  return (node: NodeOf<UnaryKind>, cotangent: Node): Parts => [rule(cotangent, node.inputs[0]!, node)];
}

/** A rule for both sides, which are then summed over the axes that broadcasting repeated. */
function binary(rule: (g: Node, node: NodeOf<BinaryKind>) => readonly [Node, Node]) {
  return (node: NodeOf<BinaryKind>, cotangent: Node): Parts =>
    rule(cotangent, node).map((part, i) => sumTo(part, node.inputs[i]!.shape));
}

/**
 * The cotangent for the side of maximum or minimum that wins where `wins`: all of g there, one half where the sides are
 * equal, so that the two sides' shares always add up to g and do not depend on their order.
 */
function shareOf(wins: Node, ties: Node, g: Node): Node {
  return where(wins, g, where(ties, mul(g, 0.5), 0));
}

function nothing({ inputs }: Node): Parts {
  return inputs.map(() => undefined);
}

export const ELEMENTWISE_RULES = {
  neg: unary((g) => neg(g)),
  exp: unary((g, _x, y) => scaled(g, y)),
  // exp(x) again: y + 1 would be 0 in float32 from x = -17 on.
  expm1: unary((g, x) => scaled(g, exp(x))),
  log: unary((g, x) => div(g, x)),
  log1p: unary((g, x) => div(g, add(x, 1))),
  // -exp(x) / (1 - exp(x)): tends to 1/x at 0 and to 0 at -infinity. The shorter -1 / expm1(-x) overflows for x below -88,
  // and its own gradient is NaN there.
  log1mexp: unary((g, x) => scaled(g, div(exp(x), expm1(x)))),
  // Infinite at 0, and NaN there when the cotangent is 0: add a small number under the root where 0 can occur.
  sqrt: unary((g, _x, y) => div(mul(g, 0.5), y)),
  // 0 at 0.
  abs: unary((g, x) => scaled(g, sign(x))),
  // Piecewise constant.
  sign: nothing,
  sin: unary((g, x) => scaled(g, cos(x))),
  cos: unary((g, x) => neg(scaled(g, sin(x)))),
  tanh: unary((g, _x, y) => scaled(g, sub(1, mul(y, y)))),
  sigmoid: unary((g, _x, y) => scaled(g, mul(y, sub(1, y)))),
  logSigmoid: unary((g, x) => scaled(g, sigmoid(neg(x)))),
  silu: unary((g, x, y) => {
    const s = sigmoid(x);
    return scaled(g, add(s, mul(y, sub(1, s))));
  }),

  add: binary((g) => [g, g]),
  sub: binary((g) => [g, neg(g)]),
  mul: binary((g, { inputs: [a, b] }) => [scaled(g, b!), scaled(g, a!)]),
  div: binary((g, node) => {
    const quotient = div(g, node.inputs[1]!);
    return [quotient, neg(mul(quotient, node as Node))];
  }),
  maximum: binary((g, { inputs: [a, b] }) => {
    const ties = equal(a!, b!);
    return [shareOf(less(b!, a!), ties, g), shareOf(less(a!, b!), ties, g)];
  }),
  minimum: binary((g, { inputs: [a, b] }) => {
    const ties = equal(a!, b!);
    return [shareOf(less(a!, b!), ties, g), shareOf(less(b!, a!), ties, g)];
  }),

  equal: nothing,
  less: nothing,
  lessEqual: nothing,
  and: nothing,
  or: nothing,
  not: nothing,
  // Each side gets exactly 0 where the other is taken. A side whose derivative is infinite there still makes 0 * infinity:
  // give it a safe argument with a where of its own.
  where: ({ inputs: [condition, x, y] }, g) => [
    undefined,
    sumTo(where(condition!, g, 0), x!.shape),
    sumTo(where(condition!, 0, g), y!.shape),
  ],
  cast: ({ inputs: [x], dtype }, g) => [x!.dtype === 'float32' && dtype === 'float32' ? g : undefined],
  stopGradient: nothing,
} satisfies Partial<CotangentRules>;
