import { BLOCK_WIDTH, type Node, type NodeKind, type NodeOf } from '../graph/index.ts';
import { CAST_TARGETS, castTo, type Emitter } from './emitter.ts';
import type { LowerRule } from './elementwise-rules.ts';
import { sliceAxis } from './shape-rules.ts';

/** The four bits of `value` (uint8) below or above as float32. */
function bitsOf(emitter: Emitter, packed: string, high: boolean): string {
  const constant = (value: number): string => emitter.tensor({ dtype: 'uint8', shape: [], data: Uint8Array.of(value) });
  const bits = high
    ? emitter.emit('BitShift', [packed, constant(4)], { attributes: { direction: { text: 'RIGHT' } } })
    : emitter.emit('BitwiseAnd', [packed, constant(15)]);
  return castTo(emitter, bits, 'float32');
}

/** The matrix W [n, k] in float32. */
export function denseWeight({ inputs, attributes }: NodeOf<'frozenMatmul'>, emitter: Emitter): string {
  const { emit, int64s, float } = emitter;
  const [stored, scale] = inputs.slice(1).map((part) => emitter.valueOf(part)) as [string, string];
  const { storage, columns } = attributes;
  if (storage === 'float16') return castTo(emitter, stored, 'float32');
  if (storage === 'int8') {
    const whole = emit('Cast', [stored], { attributes: { to: { int: CAST_TARGETS.float32 } } });
    return emit('Mul', [whole, emit('Unsqueeze', [scale, int64s([1])])]);
  }
  // [n, b, w / 2] twice, side by side as [n, b, w / 2, 2], is [n, b, w] in the order of the columns.
  const halves = [false, true].map((high) => emit('Unsqueeze', [bitsOf(emitter, stored, high), int64s([3])]));
  const pairs = emit('Concat', halves, { attributes: { axis: { int: 3 } } });
  const blocks = Math.ceil(columns / BLOCK_WIDTH);
  const rows = inputs[1]!.shape[0] as number;
  const wide = emit('Reshape', [pairs, int64s([rows, blocks, BLOCK_WIDTH])]);
  const scaled = emit('Mul', [emit('Sub', [wide, float(8)]), emit('Unsqueeze', [scale, int64s([2])])]);
  const flat = emit('Reshape', [scaled, int64s([rows, blocks * BLOCK_WIDTH])]);
  return columns === blocks * BLOCK_WIDTH ? flat : sliceAxis(emitter, flat, { axis: 1, start: 0, end: columns });
}

/** x W^T or x W with W as `dense` [n, k]. */
export function denseProduct(node: NodeOf<'frozenMatmul'>, emitter: Emitter, dense: string): string {
  const x = emitter.valueOf(node.inputs[0]!);
  if (!node.attributes.transposeB) return emitter.emit('MatMul', [x, dense]);
  return emitter.emit('Gemm', [x, dense], { attributes: { transB: { int: 1 } } });
}

export const FROZEN_RULES = {
  frozenMatmul: (node: Node, emitter) => {
    const frozen = node as NodeOf<'frozenMatmul'>;
    return denseProduct(frozen, emitter, denseWeight(frozen, emitter));
  },
} satisfies Partial<Record<NodeKind, LowerRule>>;
