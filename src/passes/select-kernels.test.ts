import { expect, test } from 'vitest';
import {
  add,
  graph,
  input,
  inverseRms,
  logSumExpMatmul,
  matmul,
  mul,
  printGraph,
  reduceSum,
  rmsNorm,
  rope,
  silu,
  sin,
  softmaxMatmul,
  softmaxOuter,
  type Node,
} from '../graph/index.ts';
import type { LowerTarget } from './kernel-patterns.ts';
import { orderUnits, printKernelPlan, selectKernels } from './select-kernels.ts';

function planText(outputs: Record<string, Node>, target: LowerTarget = 'cpu'): string {
  const source = graph(outputs);
  return printKernelPlan(source, selectKernels(source, target));
}

test('a norm is one kernel, and gives its inverse RMS too when something else reads it', () => {
  const x = input('x', ['T', 8]);
  const weight = input('w', [8]);
  const normed = rmsNorm(x, weight, 1e-5);
  expect(`${printGraph(graph({ normed }))}\n${planText({ normed })}`).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 8]
    %1 = inverseRms %0 epsilon=0.00001 : float32 [T, 1]
    %2 = mul %0 %1 : float32 [T, 8]
    %3 = input "w" : float32 [8]
    %4 = mul %2 %3 : float32 [T, 8]
    return normed=%4
    rmsNorm %0 %3 -> %4 covering %1 %2"
  `);
  expect(planText({ normed, inverse: normed.inputs[0]!.inputs[1]! })).toBe('rmsNorm %0 %3 -> %1 %4 covering %2');
  // WebGPU's operator leaves its second output wrong.
  expect(planText({ normed, inverse: normed.inputs[0]!.inputs[1]! }, 'webgpu')).toBe('rmsNorm %0 %3 -> %4 covering %2');
});

test('a norm whose normalised value is read elsewhere is the same kernel, with that value beside it', () => {
  const x = input('x', ['T', 8]);
  const normalised = mul(x, inverseRms(x, 1e-5));
  const outputs = { y: mul(normalised, input('w', [8])), normalised };
  expect(planText(outputs)).toBe('rmsNorm %0 %3 -> %1 %4');
  expect(planText(outputs, 'webgpu')).toBe('rmsNorm %0 %3 -> %4');
});

test('a norm whose weight needs its own parts stays apart', () => {
  const column = input('x', ['T', 1]);
  const scale = inverseRms(column, 1e-5);
  expect(planText({ y: mul(mul(column, scale), reduceSum(scale, { axes: [0] })) })).toBe('');
});

function angles(shape: (string | number)[]): [Node, Node] {
  return [input('c', shape), input('s', shape)];
}

test('rotary embeddings per head are one kernel, angles shared otherwise are not', () => {
  expect(planText({ y: rope(input('x', ['T', 3, 8]), ...angles(['T', 1, 4])) })).toBe('rope %0 %1 %2 -> %3');
  expect(planText({ y: rope(input('x', ['B', 3, 'T', 8]), ...angles(['T', 4])) })).toBe('');
});

test('a product and the sum that reads it alone become one; scaled batches have their own operator', () => {
  const [a, b, c] = [input('a', ['T', 4]), input('b', [3, 4]), input('c', ['T', 3])];
  const product = matmul(a, b, { transposeB: true, scale: 2 });
  expect(planText({ y: add(c, product) })).toBe('productPlus %1 %2 %0 -> %4 covering %3');
  expect(planText({ y: add(c, product), product })).toBe('');
  const wide = matmul(input('x', ['T', 576]), input('w', [576, 3]));
  expect(planText({ y: add(wide, c) })).toBe('');
  expect(planText({ y: add(wide, input('bias', [3])) })).toBe('productPlus %0 %1 %3 -> %4 covering %2');
  expect(planText({ y: matmul(input('q', [2, 'T', 4]), input('k', [2, 'S', 4]), { transposeB: true }) })).toBe(
    'scaledProduct %0 %1 -> %2',
  );
});

test('both reductions of the same scores come from one loop, and the outer product reads its logSumExp', () => {
  const [h, e] = [input('h', ['C', 4]), input('e', [9, 4])];
  const logSum = logSumExpMatmul(h, e);
  const outputs = { logSum, mean: softmaxMatmul(h, e), outer: softmaxOuter(h, e, logSum) };
  expect(planText(outputs)).toBe('vocabularyRows %0 %1 -> %2 %3\nvocabularyOuter %0 %1 %2 %2 -> %4');
  expect(planText({ outer: softmaxOuter(h, e, input('w', ['C'])) })).toBe('vocabularyOuter %0 %1 %2 -> %3');
});

test('targets have the kernels that their provider has', () => {
  const outputs = { a: silu(input('x', [4])), b: sin(input('y', [4])) };
  expect(planText(outputs, 'cpu')).toBe('silu %0 -> %1');
  expect(planText(outputs, 'webgpu')).toBe('silu %0 -> %1\nsine %2 -> %3');
  expect(planText(outputs, 'portable')).toBe('');
});

test('units are ordered by what kernels read, not by their nodes', () => {
  const x = input('x', ['T', 8]);
  const inverse = inverseRms(x, 1e-5);
  // The graph visits the reader of the inverse before the weight that the kernel waits for.
  const source = graph({ early: reduceSum(inverse), normed: mul(mul(x, inverse), input('w', [8])) });
  const order = orderUnits(source, selectKernels(source, 'cpu'));
  expect(order.map((unit) => ('node' in unit ? unit.node.kind : unit.choice.kernel))).toEqual([
    'input',
    'input',
    'rmsNorm',
    'reduceSum',
  ]);
});
