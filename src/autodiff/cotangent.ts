import {
  broadcastShapes,
  broadcastTo,
  mul,
  reduceSum,
  reshape,
  sameShape,
  scalar,
  type Node,
  type NodeRules,
  type Shape,
} from '../graph/index.ts';

/**
 * A vector-Jacobian rule: from a node and its cotangent (the gradient of the loss with respect to the node, of the node's
 * shape), one cotangent for each input, of the input's shape; undefined where nothing passes.
 */
export type CotangentRules = NodeRules<readonly (Node | undefined)[], [cotangent: Node]>;

/** Whether every element is known to be 1: the cotangent of a loss and of the sum that made it. */
function isOnes(node: Node): boolean {
  let source = node;
  while (source.kind === 'broadcastTo' || source.kind === 'reshape') source = source.inputs[0]!;
  return source.kind === 'constant' && source.shape.length === 0 && source.attributes.value.data[0] === 1;
}

/**
 * cotangent * factor. Where the product has the factor's shape a cotangent of ones disappears, and one that only repeats a
 * smaller tensor multiplies unrepeated.
 */
export function scaled(cotangent: Node, factor: Node): Node {
  if (!sameShape(broadcastShapes(cotangent.shape, factor.shape) ?? [], factor.shape)) return mul(cotangent, factor);
  if (isOnes(cotangent)) return factor;
  return mul(cotangent.kind === 'broadcastTo' ? cotangent.inputs[0]! : cotangent, factor);
}

/** `shape` filled with zeros. */
export function zeros(shape: Shape): Node {
  return shape.length === 0 ? scalar(0) : broadcastTo(scalar(0), shape);
}

/**
 * The adjoint of broadcasting `shape` to the shape of x: the sum over the axes that broadcasting added or repeated. An axis
 * was repeated where `shape` has 1 and x has not; a symbol never stands for a repeated axis, since it broadcasts only with
 * itself and 1.
 */
export function sumTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) => {
    const isRepeated = axis < added || (shape[axis - added] === 1 && dim !== 1);
    return isRepeated ? [axis] : [];
  });
  if (added === 0) return reduceSum(x, { axes, keepDims: true });
  const sum = reduceSum(x, { axes });
  return sameShape(sum.shape, shape) ? sum : reshape(sum, shape);
}

/** A tensor whose `axes` were reduced, shaped so that it broadcasts to the `shape` before. */
export function alignReduced(reduced: Node, shape: Shape, axes: readonly number[]): Node {
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const isAligned = axes.every((axis, i) => axis === i);
  return isAligned || sameShape(reduced.shape, kept) ? reduced : reshape(reduced, kept);
}
