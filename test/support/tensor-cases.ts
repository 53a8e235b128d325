import { float32Tensor, hostTensor, int32Tensor } from '../../src/core/index.ts';
import * as g from '../../src/graph/index.ts';
import type { Node, NodeKind } from '../../src/graph/index.ts';
import { bools, floats, ints, nodeCase, normal, type NodeCase } from './case-builder.ts';

export const SOURCE_CASES = {
  input: [
    nodeCase('scalar', { x: floats([], [3]) }, ({ x }) => x, ['x']),
    nodeCase('symbolic', { x: normal(['B', 'T']) }, ({ x }) => x, ['x']),
    nodeCase('int32', { x: ints(['S'], [1, -2, 3]) }, ({ x }) => x),
    nodeCase('bool', { x: bools(['S'], [1, 0, 1]) }, ({ x }) => x),
  ],
  constant: [
    nodeCase('scalar', {}, () => g.scalar(0.1)),
    nodeCase('float32', {}, () => g.constant(float32Tensor([2, 2], [1, -2, 0.5, 1e-30]))),
    nodeCase('int32', {}, () => g.constant(int32Tensor([3], [1, -2147483648, 2147483647]))),
    nodeCase('bool', {}, () => g.constant(hostTensor('bool', [3], Uint8Array.of(1, 0, 1)))),
    nodeCase('no elements', {}, () => g.constant(float32Tensor([0, 3], []))),
  ],
  iota: [
    nodeCase('known', {}, () => g.iota(4)),
    nodeCase('symbolic', { x: normal(['T']) }, ({ x }) => g.add(g.cast(g.iota('T'), 'float32'), x)),
    nodeCase('product', { x: normal(['T', 'B']) }, ({ x }) =>
      g.add(g.cast(g.iota('B*T'), 'float32'), g.reshape(x, ['B*T'])),
    ),
    nodeCase('empty', { x: floats(['Z'], []) }, ({ x }) => g.add(g.cast(g.iota('Z'), 'float32'), x)),
  ],
  dimSize: [
    nodeCase('symbol', { x: normal(['T']) }, ({ x }) => g.mul(x, g.cast(g.dimSize('T'), 'float32'))),
    nodeCase('product', { x: normal(['T', 'B']) }, ({ x }) => g.mul(x, g.cast(g.dimSize('3*B*T'), 'float32'))),
    nodeCase('int32', { x: ints(['S', 'B'], [1, 2, 3, 4, 5, 6]) }, ({ x }) => g.sub(x, g.dimSize('S'))),
  ],
  randomUniform: [
    nodeCase('scalar', { seed: ints([], [1]) }, ({ seed }) => g.randomUniform(seed, [])),
    nodeCase('symbolic', { seed: ints([], [20260101]), x: normal(['T', 3]) }, ({ seed, x }) =>
      g.add(g.randomUniform(seed, ['T', 3]), g.mul(x, 0)),
    ),
    nodeCase('negative seed', { seed: ints([], [-2147483648]) }, ({ seed }) => g.randomUniform(seed, [3, 5])),
    nodeCase('zero seed', { seed: ints([], [0]) }, ({ seed }) => g.randomUniform(seed, [64])),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;

function reduceCases(reduce: (x: Node, options?: g.ReduceOptions) => Node): NodeCase[] {
  return [
    nodeCase('scalar, no axes', { x: normal([]) }, ({ x }) => reduce(x), ['x']),
    nodeCase('all axes', { x: normal(['T', 3]) }, ({ x }) => reduce(x), ['x']),
    nodeCase('first axis', { x: normal(['T', 3]) }, ({ x }) => reduce(x, { axes: [0] }), ['x']),
    nodeCase('last axis kept', { x: normal(['T', 3]) }, ({ x }) => reduce(x, { axes: [-1], keepDims: true }), ['x']),
    nodeCase(
      'outer and inner axis of rank 4',
      { x: normal(['B', 3, 'S', 2]) },
      ({ x }) => reduce(x, { axes: [1, 3] }),
      ['x'],
    ),
    nodeCase(
      'all but one kept',
      { x: normal(['B', 3, 'S', 2]) },
      ({ x }) => reduce(x, { axes: [0, 1, 3], keepDims: true }),
      ['x'],
    ),
    nodeCase('no axes of a matrix', { x: normal([2, 'S']) }, ({ x }) => reduce(x, { axes: [] }), ['x']),
    nodeCase('no result elements', { x: floats(['Z', 3], []) }, ({ x }) => reduce(x, { axes: [1] }), ['x']),
  ];
}

/** Rows with one clear winner, equal elements, and scores whose plain exponential overflows float32. */
const EXTREME_ROWS = [1e3, -1e3, 0, 1e3, 1e3, 1e3, -1e3, -1e3, -1e3, 1e3, 999, 998, 0, 1e-3, -1e-3];

function lastAxisCases(operation: (x: Node) => Node): NodeCase[] {
  const make = ({ x }: { readonly x: Node }): Node => operation(x);
  return [
    nodeCase('vector', { x: normal([4]) }, make, ['x']),
    nodeCase('one element', { x: normal(['T', 1]) }, make, ['x']),
    nodeCase('symbolic last axis', { x: normal(['B', 'T']) }, make, ['x']),
    nodeCase('rank 4', { x: normal(['B', 1, 'S', 3]) }, make, ['x']),
    nodeCase('extreme scores', { x: floats(['T', 3], EXTREME_ROWS) }, make, ['x']),
    nodeCase('no rows', { x: floats(['Z', 3], []) }, make, ['x']),
  ];
}

export const REDUCE_CASES = {
  reduceSum: [
    ...reduceCases(g.reduceSum),
    nodeCase('empty axis', { x: floats(['Z', 3], []) }, ({ x }) => g.reduceSum(x, { axes: [0] }), ['x']),
  ],
  reduceMax: [
    ...reduceCases(g.reduceMax),
    nodeCase('ties', { x: floats([2, 3], [1, 1, 0, -5, -5, -5]) }, ({ x }) => g.reduceMax(x, { axes: [1] })),
  ],
  softmax: lastAxisCases(g.softmax),
  logSumExp: lastAxisCases(g.logSumExp),
  inverseRms: [
    nodeCase('vector', { x: normal([4]) }, ({ x }) => g.inverseRms(x, 1e-5), ['x']),
    nodeCase('rank 3', { x: normal(['B', 'T', 6]) }, ({ x }) => g.inverseRms(x, 1e-6), ['x']),
    nodeCase('symbolic last axis', { x: normal([2, 'T']) }, ({ x }) => g.inverseRms(x, 1e-5), ['x']),
    nodeCase('zero row', { x: floats([2, 3], [0, 0, 0, 3, 4, 0]) }, ({ x }) => g.inverseRms(x, 1e-2), ['x']),
    nodeCase('normalised and weighted', { x: normal(['T', 4]), w: normal([4]) }, ({ x, w }) => g.rmsNorm(x, w, 1e-5), [
      'x',
      'w',
    ]),
  ],
  argsort: [
    nodeCase('vector', { x: normal([7]) }, ({ x }) => g.argsort(x)),
    nodeCase('ties keep their order', { x: floats([2, 6], [2, 1, 2, 1, 2, 1, 0, -0, 3, 0, 3, -1]) }, ({ x }) =>
      g.argsort(x),
    ),
    nodeCase('symbolic rank 3', { x: normal(['B', 2, 'T']) }, ({ x }) => g.argsort(x)),
    nodeCase('one element', { x: normal(['T', 1]) }, ({ x }) => g.argsort(x)),
    nodeCase('all equal', { x: floats(['T'], [4, 4, 4, 4, 4]) }, ({ x }) => g.argsort(x)),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;

export const SHAPE_CASES = {
  reshape: [
    nodeCase('flatten symbols', { x: normal(['B', 'T', 2]) }, ({ x }) => g.reshape(x, ['B*T', 2]), ['x']),
    nodeCase('split symbols', { x: normal(['B', 'T', 6]) }, ({ x }) => g.reshape(x, ['B', 'T', 2, 3]), ['x']),
    nodeCase('swap the names of a product', { x: normal(['B', 'T']) }, ({ x }) => g.reshape(x, ['T', 'B', 1]), ['x']),
    nodeCase('to scalar', { x: normal([1, 1]) }, ({ x }) => g.reshape(x, []), ['x']),
    nodeCase('from scalar', { x: normal([]) }, ({ x }) => g.reshape(x, [1, 1, 1, 1]), ['x']),
    nodeCase('no elements', { x: floats(['Z', 4], []) }, ({ x }) => g.reshape(x, ['Z', 2, 2]), ['x']),
    nodeCase('int32', { x: ints([2, 3], [1, 2, 3, 4, 5, 6]) }, ({ x }) => g.reshape(x, [3, 2])),
    nodeCase('bool', { x: bools(['B', 2], [1, 0, 0, 0]) }, ({ x }) => g.reshape(x, ['2*B'])),
  ],
  transpose: [
    nodeCase('matrix', { x: normal(['T', 3]) }, ({ x }) => g.transpose(x, [1, 0]), ['x']),
    nodeCase('heads', { x: normal(['B', 'T', 2, 3]) }, ({ x }) => g.transpose(x, [0, 2, 1, 3]), ['x']),
    nodeCase('cycle of three', { x: normal([2, 3, 'T']) }, ({ x }) => g.transpose(x, [2, 0, 1]), ['x']),
    nodeCase('reversed rank 4', { x: normal(['B', 3, 'S', 2]) }, ({ x }) => g.transpose(x, [3, 2, 1, 0]), ['x']),
    nodeCase('scalar', { x: normal([]) }, ({ x }) => g.transpose(x, []), ['x']),
    nodeCase('int32', { x: ints([2, 3], [1, 2, 3, 4, 5, 6]) }, ({ x }) => g.transpose(x, [1, 0])),
  ],
  broadcastTo: [
    nodeCase('scalar to matrix', { x: normal([]) }, ({ x }) => g.broadcastTo(x, [2, 3]), ['x']),
    nodeCase(
      'symbolic row',
      { x: normal([3]), like: normal(['T', 3]) },
      ({ x, like }) => g.mul(g.broadcastTo(x, ['T', 3]), like),
      ['x', 'like'],
    ),
    nodeCase('middle axis', { x: normal(['B', 1, 2]) }, ({ x }) => g.broadcastTo(x, [2, 'B', 4, 2]), ['x']),
    nodeCase('unchanged', { x: normal(['T']) }, ({ x }) => g.broadcastTo(x, ['T']), ['x']),
    nodeCase('to no elements', { x: normal([1, 2]), like: floats(['Z', 2], []) }, ({ x, like }) =>
      g.add(g.broadcastTo(x, ['Z', 2]), like),
    ),
    nodeCase('int32', { x: ints([2, 1], [1, -1]) }, ({ x }) => g.broadcastTo(x, [2, 3])),
    nodeCase('bool', { x: bools([1], [1]) }, ({ x }) => g.broadcastTo(x, [4])),
  ],
  slice: [
    nodeCase('vector', { x: normal([5]) }, ({ x }) => g.slice(x, { axis: 0, start: 1, end: 4 }), ['x']),
    nodeCase('last axis', { x: normal(['T', 6]) }, ({ x }) => g.slice(x, { axis: -1, start: 2, end: 6 }), ['x']),
    nodeCase('middle axis', { x: normal(['B', 4, 2]) }, ({ x }) => g.slice(x, { axis: 1, start: 0, end: 1 }), ['x']),
    nodeCase('whole axis', { x: normal([3, 'T']) }, ({ x }) => g.slice(x, { axis: 0, start: 0, end: 3 }), ['x']),
    nodeCase('nothing', { x: normal([3, 'T']) }, ({ x }) => g.slice(x, { axis: 0, start: 2, end: 2 }), ['x']),
    nodeCase('int32', { x: ints([4], [1, 2, 3, 4]) }, ({ x }) => g.slice(x, { axis: 0, start: 1, end: 3 })),
  ],
  pad: [
    nodeCase('vector', { x: normal([3]) }, ({ x }) => g.pad(x, { axis: 0, before: 2, after: 1 }), ['x']),
    nodeCase('last axis', { x: normal(['T', 2]) }, ({ x }) => g.pad(x, { axis: -1, before: 0, after: 3 }), ['x']),
    nodeCase('middle axis', { x: normal(['B', 2, 2]) }, ({ x }) => g.pad(x, { axis: 1, before: 1, after: 0 }), ['x']),
    nodeCase('by nothing', { x: normal(['T', 2]) }, ({ x }) => g.pad(x, { axis: 1, before: 0, after: 0 }), ['x']),
    nodeCase('from nothing', { x: floats([0, 2], []) }, ({ x }) => g.pad(x, { axis: 0, before: 1, after: 1 }), ['x']),
  ],
  concat: [
    nodeCase('one', { a: normal([2]) }, ({ a }) => g.concat([a], 0), ['a']),
    nodeCase('vectors', { a: normal([2]), b: normal([3]) }, ({ a, b }) => g.concat([a, b], 0), ['a', 'b']),
    nodeCase(
      'three on the last axis',
      { a: normal(['T', 2]), b: normal(['T', 1]), c: normal(['T', 3]) },
      ({ a, b, c }) => g.concat([a, b, c], -1),
      ['a', 'b', 'c'],
    ),
    nodeCase(
      'middle axis, one node twice',
      { a: normal(['B', 2, 2]), b: normal(['B', 1, 2]) },
      ({ a, b }) => g.concat([a, b, a], 1),
      ['a', 'b'],
    ),
    nodeCase('with an empty part', { a: normal([2]), b: floats([0], []) }, ({ a, b }) => g.concat([a, b], 0), [
      'a',
      'b',
    ]),
    nodeCase('int32', { a: ints([2], [1, 2]), b: ints([1], [3]) }, ({ a, b }) => g.concat([a, b], 0)),
    nodeCase('bool', { a: bools([2], [1, 0]), b: bools([1], [1]) }, ({ a, b }) => g.concat([a, b], 0)),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;
