import type { Node, NodeOf } from '../graph/index.ts';
import type { Attributes, Emitter } from './emitter.ts';
import { sliceAxis } from './shape-rules.ts';

function transposed(emitter: Emitter, node: Node, flag: boolean): string {
  const value = emitter.valueOf(node);
  if (!flag) return value;
  const rank = node.shape.length;
  const perm = node.shape.map((_dim, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  return emitter.emit('Transpose', [value], { attributes: { perm: { ints: perm } } });
}

export function gemmAttributes({ transposeA, transposeB, scale }: NodeOf<'matmul'>['attributes']): Attributes {
  return {
    ...(transposeA && { transA: { int: 1 } }),
    ...(transposeB && { transB: { int: 1 } }),
    ...(scale !== 1 && { alpha: { float: scale } }),
  };
}

/** Gemm takes flags and scale of two matrices; batches are transposed and scaled around MatMul. */
function matmul(node: NodeOf<'matmul'>, emitter: Emitter): string {
  const [a, b] = node.inputs as [Node, Node];
  const { transposeA, transposeB, scale } = node.attributes;
  const plain = !transposeA && !transposeB && scale === 1;
  if (a.shape.length === 2 && b.shape.length === 2 && !plain)
    return emitter.emit('Gemm', [emitter.valueOf(a), emitter.valueOf(b)], {
      attributes: gemmAttributes(node.attributes),
    });
  const product = emitter.emit('MatMul', [transposed(emitter, a, transposeA), transposed(emitter, b, transposeB)]);
  return scale === 1 ? product : emitter.emit('Mul', [product, emitter.float(scale)]);
}

function rope(node: Node, emitter: Emitter): string {
  const { emit } = emitter;
  const [x, cosine, sine] = node.inputs as [Node, Node, Node];
  const axis = x.shape.length - 1;
  const width = x.shape[axis] as number;
  const [value, c, s] = [emitter.valueOf(x), emitter.valueOf(cosine), emitter.valueOf(sine)];
  const left = sliceAxis(emitter, value, { axis, start: 0, end: width / 2 });
  const right = sliceAxis(emitter, value, { axis, start: width / 2, end: width });
  const first = emit('Sub', [emit('Mul', [left, c]), emit('Mul', [right, s])]);
  const second = emit('Add', [emit('Mul', [right, c]), emit('Mul', [left, s])]);
  return emit('Concat', [first, second], { attributes: { axis: { int: -1 } } });
}

export const LINEAR_RULES = { matmul, rope } as const;
