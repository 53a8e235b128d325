import {
  add,
  dimProduct,
  frozenMatmul,
  matmul,
  mul,
  neg,
  reshape,
  rope,
  sameShape,
  slice,
  sub,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { sumTo, type CotangentRules } from './cotangent.ts';

/** y = scale op(a) op(b), so with A = op(a), B = op(b): dA = scale G B^T, and da is dA or its transpose. */
function leftCotangent({ inputs: [a, b], attributes }: NodeOf<'matmul'>, g: Node): Node {
  const { transposeA, transposeB, scale } = attributes;
  const part = transposeA
    ? matmul(b!, g, { transposeA: transposeB, transposeB: true, scale })
    : matmul(g, b!, { transposeB: !transposeB, scale });
  return sumTo(part, a!.shape);
}

/** Whether b is one matrix for all of a's leading axes, in the order in which a's rows stand: a [B, T, k] by [k, n] or [1, k, n]. */
function isOneMatrix({ inputs: [a, b], attributes, shape }: NodeOf<'matmul'>): boolean {
  const lead = shape.slice(0, -2);
  return (
    lead.length > 0 &&
    !attributes.transposeA &&
    sameShape(a!.shape.slice(0, -2), lead) &&
    b!.shape.slice(0, -2).every((dim) => dim === 1)
  );
}

/** Everything before the last axis as one axis of rows. */
function asRows(x: Node): Node {
  return reshape(x, [dimProduct(x.shape.slice(0, -1)), x.shape.at(-1)!]);
}

/**
 * dB = scale A^T G, and db is dB or its transpose. One matrix for all of a's leading axes makes those axes more rows of the same
 * sum: one flat product replaces a batch of products and their sum. A matrix that some of the leading axes repeat (the keys of a
 * group of heads) keeps the batch: its products run side by side on all threads, and what is added up afterwards is small.
 */
function rightCotangent(node: NodeOf<'matmul'>, g: Node): Node {
  const [a, b] = node.inputs as [Node, Node];
  const { transposeA, transposeB, scale } = node.attributes;
  const flat = isOneMatrix(node);
  const [left, right] = flat ? [asRows(a), asRows(g)] : [a, g];
  const part = transposeB
    ? matmul(right, left, { transposeA: true, transposeB: transposeA, scale })
    : matmul(left, right, { transposeA: !transposeA, scale });
  if (!flat) return sumTo(part, b.shape);
  return sameShape(part.shape, b.shape) ? part : reshape(part, b.shape);
}

/** x turned by the angle, so the cotangent is turned back; cosine and sine get the sums over what shares an angle. */
function ropeCotangents({ inputs }: NodeOf<'rope'>, g: Node): readonly Node[] {
  const [x, cosine, sine] = inputs as [Node, Node, Node];
  const width = Number(x.shape.at(-1));
  const half = (of: Node, start: number): Node => slice(of, { axis: -1, start, end: start + width / 2 });
  const [x1, x2, g1, g2] = [half(x, 0), half(x, width / 2), half(g, 0), half(g, width / 2)];
  return [
    rope(g, cosine, neg(sine)),
    sumTo(add(mul(g1, x1), mul(g2, x2)), cosine.shape),
    sumTo(sub(mul(g2, x1), mul(g1, x2)), sine.shape),
  ];
}

/**
 * y = x W^T gives dx = g W, and the other way round, with the stored W. Where the runtime rounds x to 8 bits the gradient passes
 * straight through that rounding. The parts of W get none. Source: Bengio et al. 2013 (straight-through), section 3.
 */
function frozenCotangents({ inputs: [, ...parts], attributes }: NodeOf<'frozenMatmul'>, g: Node): (Node | undefined)[] {
  const { isFine: _isFine, ...others } = attributes;
  const dx = frozenMatmul(g, parts, { ...others, transposeB: !attributes.transposeB });
  return [dx, ...parts.map(() => undefined)];
}

export const LINEAR_RULES = {
  frozenMatmul: frozenCotangents,
  matmul: (node, g) => [leftCotangent(node, g), rightCotangent(node, g)],
  rope: ropeCotangents,
} satisfies Partial<CotangentRules>;
