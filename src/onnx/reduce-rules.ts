import type { Node, NodeOf } from '../graph/index.ts';
import { castTo, type Emitter } from './emitter.ts';

const LAST = { axis: { int: -1 } } as const;

function keepDims(kept: boolean) {
  return { keepdims: { int: kept ? 1 : 0 } };
}

/**
 * A reduction over the last axis of a value of some rank, which disappears. The axis is counted from the front: ONNX Runtime
 * gives an empty tensor the wrong shape for a negative one.
 */
export function reduceLast(
  { emit, int64s }: Emitter,
  operator: string,
  [value, rank]: readonly [string, number],
): string {
  return emit(operator, [value, int64s([rank - 1])], { attributes: keepDims(false) });
}

function reduction(operator: string) {
  return (node: NodeOf<'reduceSum' | 'reduceMax'>, emitter: Emitter): string => {
    const { axes, keepDims: kept } = node.attributes;
    const value = emitter.valueOf(node.inputs[0]!);
    if (axes.length === 0) return value;
    return emitter.emit(operator, [value, emitter.int64s(axes)], { attributes: keepDims(kept) });
  };
}

/**
 * logSumExp of scores whose softmax is at hand: max(x) - log(max(softmax(x))), since the largest probability is
 * 1 / sum exp(x - max). Two reductions instead of four passes, and as accurate: ReduceLogSumExp of ONNX Runtime sums 49,152
 * terms in one float32 chain (error 4e-5) and takes three times as long.
 */
export function logSumExpFrom(
  emitter: Emitter,
  { scores, probabilities, rank }: { scores: string; probabilities: string; rank: number },
): string {
  const largest = reduceLast(emitter, 'ReduceMax', [scores, rank]);
  const probability = reduceLast(emitter, 'ReduceMax', [probabilities, rank]);
  return emitter.emit('Sub', [largest, emitter.emit('Log', [probability])]);
}

export const REDUCE_RULES = {
  reduceSum: reduction('ReduceSum'),
  reduceMax: reduction('ReduceMax'),
  softmax: (node: Node, emitter: Emitter) =>
    emitter.emit('Softmax', [emitter.valueOf(node.inputs[0]!)], { attributes: LAST }),
  logSumExp: (node: Node, emitter: Emitter) => {
    const scores = emitter.valueOf(node.inputs[0]!);
    const probabilities = emitter.emit('Softmax', [scores], { attributes: LAST });
    return logSumExpFrom(emitter, { scores, probabilities, rank: node.inputs[0]!.shape.length });
  },
  inverseRms: (node: NodeOf<'inverseRms'>, emitter: Emitter) => {
    const { emit, float } = emitter;
    const x = emitter.valueOf(node.inputs[0]!);
    const last = node.shape.length - 1;
    const square = emit('ReduceMean', [emit('Mul', [x, x]), emitter.int64s([last])], { attributes: keepDims(true) });
    return emit('Reciprocal', [emit('Sqrt', [emit('Add', [square, float(node.attributes.epsilon)])])]);
  },
  /** TopK breaks ties by the lower index, so the order is stable. */
  argsort: (node: Node, emitter: Emitter) => {
    const x = node.inputs[0]!;
    const attributes = { ...LAST, largest: { int: 0 }, sorted: { int: 1 } };
    const count = emitter.dim(x.shape.at(-1)!);
    const [, order] = emitter.emitMany('TopK', [emitter.valueOf(x), count], { attributes, outputs: 2 });
    return castTo(emitter, order!, 'int32');
  },
} as const;
