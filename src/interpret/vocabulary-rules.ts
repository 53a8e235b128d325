import { logSumExpOf, softmaxOf } from './reduce-rules.ts';
import { makeValue, type Value, type ValueRules } from './value.ts';

function row(x: Value, index: number): Float64Array {
  const width = x.shape[1]!;
  return x.data.subarray(index * width, (index + 1) * width);
}

function rowIndices(x: Value): number[] {
  return Array.from({ length: x.shape[0]! }, (_, index) => index);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, element, i) => sum + element * b[i]!, 0);
}

/** Row `position` of h e^T. */
function scores(h: Value, e: Value, position: number): Float64Array {
  return Float64Array.from(rowIndices(e), (word) => dot(row(h, position), row(e, word)));
}

export const VOCABULARY_RULES = {
  logSumExpMatmul: (_node, [h, e]) =>
    makeValue('float64', [h!.shape[0]!], (position) => logSumExpOf(scores(h!, e!, position))),
  softmaxMatmul: (_node, [h, e]) => {
    const result = makeValue('float64', h!.shape, () => 0);
    for (const position of rowIndices(h!)) {
      const target = row(result, position);
      for (const [word, share] of softmaxOf(scores(h!, e!, position)).entries())
        for (const [i, element] of row(e!, word).entries()) target[i] = target[i]! + share * element;
    }
    return result;
  },
  softmaxOuter: (_node, [h, e, weight]) => {
    const result = makeValue('float64', e!.shape, () => 0);
    for (const position of rowIndices(h!)) {
      for (const [word, share] of softmaxOf(scores(h!, e!, position)).entries()) {
        const target = row(result, word);
        for (const [i, element] of row(h!, position).entries())
          target[i] = target[i]! + weight!.data[position]! * share * element;
      }
    }
    return result;
  },
} satisfies Partial<ValueRules>;
