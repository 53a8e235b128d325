import {
  add,
  dimProduct,
  matmul,
  mul,
  neg,
  reshape,
  rope,
  sameShape,
  slice,
  sub,
  type Dim,
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

/**
 * How many leading axes b has of its own when all later leading axes of the product are repeated for b and a has them all;
 * undefined when b repeats no axis or another pattern. A [B, H, T, k] by [B, 1, k, n] has 1, a [B, T, k] by [k, n] has 0.
 */
function ownLeadingAxes({ inputs: [a, b], attributes, shape }: NodeOf<'matmul'>): number | undefined {
  const lead = shape.slice(0, -2);
  const missing = shape.length - b!.shape.length;
  const ofB = lead.map((_dim, axis): Dim => (axis < missing ? 1 : b!.shape[axis - missing]!));
  const own = ofB.findIndex((dim, axis) => dim !== lead[axis] || axis < missing);
  if (own < 0 || attributes.transposeA || !sameShape(a!.shape.slice(0, -2), lead)) return undefined;
  return ofB.slice(own).every((dim) => dim === 1) ? own : undefined;
}

/** Axes own, own+1, ... up to the rows become one axis of rows. */
function foldRows(x: Node, own: number): Node {
  return reshape(x, [...x.shape.slice(0, own), dimProduct(x.shape.slice(own, -1)), x.shape.at(-1)!]);
}

/**
 * dB = scale A^T G, and db is dB or its transpose. Where b was repeated over a's leading axes those axes are more rows of
 * the same sum, so one flat product replaces a batch of products and their sum.
 */
function rightCotangent(node: NodeOf<'matmul'>, g: Node): Node {
  const [a, b] = node.inputs as [Node, Node];
  const { transposeA, transposeB, scale } = node.attributes;
  const own = ownLeadingAxes(node);
  const left = own === undefined ? a : foldRows(a, own);
  const right = own === undefined ? g : foldRows(g, own);
  const part = transposeB
    ? matmul(right, left, { transposeA: true, transposeB: transposeA, scale })
    : matmul(left, right, { transposeA: !transposeA, scale });
  if (own === undefined) return sumTo(part, b.shape);
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

export const LINEAR_RULES = {
  matmul: (node, g) => [leftCotangent(node, g), rightCotangent(node, g)],
  rope: ropeCotangents,
} satisfies Partial<CotangentRules>;
