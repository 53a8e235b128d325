import type { Node } from '../graph/index.ts';
import type { Emitter } from './emitter.ts';
import { logSumExpFrom } from './reduce-rules.ts';
import { reshapeTo } from './shape-rules.ts';

const LAST = { attributes: { axis: { int: -1 } } } as const;

/** z = h e^T, softmax over its last axis. */
export function scoresAndProbabilities(
  emitter: Emitter,
  h: string,
  e: string,
): { readonly scores: string; readonly probabilities: string } {
  const scores = emitter.emit('Gemm', [h, e], { attributes: { transB: { int: 1 } } });
  return { scores, probabilities: emitter.emit('Softmax', [scores], LAST) };
}

function whole(node: Node, emitter: Emitter) {
  const [h, e] = node.inputs as [Node, Node];
  return scoresAndProbabilities(emitter, emitter.valueOf(h), emitter.valueOf(e));
}

/** The vocabulary reductions with all scores in memory at once; kernels.ts has the chunked forms. */
export const VOCABULARY_RULES = {
  logSumExpMatmul: (node: Node, emitter: Emitter) => logSumExpFrom(emitter, { ...whole(node, emitter), rank: 2 }),
  softmaxMatmul: (node: Node, emitter: Emitter) =>
    emitter.emit('MatMul', [whole(node, emitter).probabilities, emitter.valueOf(node.inputs[1]!)]),
  softmaxOuter: (node: Node, emitter: Emitter) => {
    const { probabilities } = whole(node, emitter);
    const weighted = weightedRows(node, emitter);
    return emitter.emit('Gemm', [probabilities, weighted], { attributes: { transA: { int: 1 } } });
  },
} as const;

/** weight_c h_c for softmaxOuter: [c, d]. */
export function weightedRows(node: Node, emitter: Emitter): string {
  const [h, , weight] = node.inputs as [Node, Node, Node];
  const column = reshapeTo(emitter, emitter.valueOf(weight), { from: weight.shape, to: [weight.shape[0]!, 1] });
  return emitter.emit('Mul', [emitter.valueOf(h), column]);
}
