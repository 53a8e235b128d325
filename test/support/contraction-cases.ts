import * as g from '../../src/graph/index.ts';
import { sort, type MatmulOptions, type NodeKind, type Shape } from '../../src/graph/index.ts';
import { bools, floats, ints, nodeCase, normal, randomInts, type NodeCase } from './case-builder.ts';

function matmulCase(name: string, a: Shape, b: Shape, options: MatmulOptions = {}): NodeCase {
  const givens = { a: normal(a), b: normal(b) };
  return nodeCase(name, givens, (nodes) => g.matmul(nodes.a, nodes.b, options), ['a', 'b']);
}

export const MATMUL_CASES = {
  matmul: [
    matmulCase('matrices', [2, 3], [3, 4]),
    matmulCase('rows by weight', ['T', 3], [3, 2]),
    matmulCase('transposed left', [3, 'T'], [3, 2], { transposeA: true }),
    matmulCase('transposed right and scaled', ['T', 3], [2, 3], { transposeB: true, scale: 0.25 }),
    matmulCase('both transposed', [3, 2], [4, 3], { transposeA: true, transposeB: true, scale: -2 }),
    matmulCase('batch by one weight', ['B', 'T', 3], [3, 2]),
    matmulCase('batch by one transposed weight', ['B', 'T', 3], [2, 3], { transposeB: true, scale: 0.5 }),
    matmulCase('transposed batch by one weight', ['B', 3, 'T'], [3, 2], { transposeA: true }),
    matmulCase('one matrix by a batch', ['T', 3], ['B', 3, 2]),
    matmulCase('attention scores', ['B', 2, 'T', 3], ['B', 2, 'S', 3], { transposeB: true, scale: 1 / Math.sqrt(3) }),
    matmulCase('leading axes repeat on both sides', [2, 1, 'T', 3], ['S', 3, 2]),
    matmulCase('leading axis 1 by a symbol', [1, 2, 3], ['B', 3, 2]),
    matmulCase('grouped heads', ['B', 2, 3, 'T', 2], ['B', 2, 1, 'S', 2], { transposeB: true }),
    matmulCase('outer product', ['T', 1], [1, 3]),
    matmulCase('inner product', [1, 'T'], ['T', 1]),
    nodeCase('no rows', { a: floats(['Z', 3], []), b: normal([3, 2]) }, ({ a, b }) => g.matmul(a, b), ['a', 'b']),
    nodeCase('nothing to sum', { a: floats([2, 'Z'], []), b: floats(['Z', 3], []) }, ({ a, b }) => g.matmul(a, b), [
      'a',
      'b',
    ]),
    nodeCase('a matrix by itself', { a: normal(['T', 3]) }, ({ a }) => g.matmul(a, a, { transposeB: true }), ['a']),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;

const PERMUTATION = {
  x: normal(['T', 2]),
  index: ints(['S', 2], [3, -1, 0, 4, -1, 1]),
  inverse: ints(['T'], [2, 5, -1, 0, 3]),
};

export const INDEX_CASES = {
  gather: [
    nodeCase('rows, some twice', { x: normal(['T', 3]), i: ints(['S'], [4, 0, 4]) }, ({ x, i }) => g.gather(x, i), [
      'x',
    ]),
    nodeCase('matrix of indices', { x: normal([7, 2]), i: randomInts(['B', 'T'], 7) }, ({ x, i }) => g.gather(x, i), [
      'x',
    ]),
    nodeCase('scalar index', { x: normal(['T', 2]), i: ints([], [3]) }, ({ x, i }) => g.gather(x, i), ['x']),
    nodeCase('from a vector', { x: normal(['T']), i: ints([2, 2], [0, 1, 4, 1]) }, ({ x, i }) => g.gather(x, i), ['x']),
    nodeCase('nothing', { x: normal(['T', 2]), i: ints(['Z'], []) }, ({ x, i }) => g.gather(x, i), ['x']),
    nodeCase('int32', { x: ints([3], [7, 8, 9]), i: ints([4], [2, 0, 0, 1]) }, ({ x, i }) => g.gather(x, i)),
    nodeCase('bool', { x: bools([3], [1, 0, 1]), i: ints([2], [1, 2]) }, ({ x, i }) => g.gather(x, i)),
  ],
  scatterAdd: [
    nodeCase(
      'repeated indices',
      { u: normal(['T', 2]), i: ints(['T'], [2, 0, 2, 2, 5]) },
      ({ u, i }) => g.scatterAdd(u, i, 6),
      ['u'],
    ),
    nodeCase(
      'matrix of indices, symbolic rows',
      { u: normal(['B', 'S', 2]), i: ints(['B', 'S'], [0, 1, 4, 4, 1, 1]), like: normal(['T', 2]) },
      ({ u, i, like }) => g.add(g.scatterAdd(u, i, 'T'), like),
      ['u'],
    ),
    nodeCase('scalar index', { u: normal([3]), i: ints([], [1]) }, ({ u, i }) => g.scatterAdd(u, i, 2), ['u']),
    nodeCase('scalar updates', { u: normal(['T']), i: ints(['T'], [1, 1, 0, 1, 0]) }, ({ u, i }) =>
      g.scatterAdd(u, i, 3),
    ),
    nodeCase('nothing', { u: floats(['Z', 2], []), i: ints(['Z'], []) }, ({ u, i }) => g.scatterAdd(u, i, 3), ['u']),
  ],
  permuteRows: [
    nodeCase('gaps on both sides', PERMUTATION, ({ x, index, inverse }) => g.permuteRows(x, index, inverse), ['x']),
    nodeCase(
      'matrix of rows to a vector',
      {
        x: normal(['B', 'S', 2]),
        index: ints([4], [5, -1, 0, 2]),
        inverse: ints(['B', 'S'], [2, -1, 3, -1, -1, 0]),
      },
      ({ x, index, inverse }) => g.permuteRows(x, index, inverse),
      ['x'],
    ),
    nodeCase(
      'whole permutation of scalars',
      { x: normal(['S']), index: ints(['S'], [2, 0, 1]), inverse: ints(['S'], [1, 2, 0]) },
      ({ x, index, inverse }) => g.permuteRows(x, index, inverse),
      ['x'],
    ),
    nodeCase(
      'all rows dropped',
      { x: normal(['B', 2]), index: ints([3], [-1, -1, -1]), inverse: ints(['B'], [-1, -1]) },
      ({ x, index, inverse }) => g.permuteRows(x, index, inverse),
      ['x'],
    ),
  ],
  putRows: [
    nodeCase(
      'rows of a list',
      { x: normal(['T', 2]), u: normal(['S', 2]), at: ints(['S', 1], [3, 0, 4]) },
      ({ x, u, at }) => g.putRows(x, u, at),
      ['x', 'u'],
    ),
    nodeCase(
      'slots of a cache',
      {
        x: normal(['B', 2, 'T', 3]),
        u: normal([2, 2, 3]),
        at: ints([2, 2, 3], [1, 0, 2, 1, 1, 2, 0, 0, 1, 0, 1, 1]),
      },
      ({ x, u, at }) => g.putRows(x, u, at),
      ['x', 'u'],
    ),
    nodeCase(
      'single elements',
      { x: normal([2, 'T']), u: normal([3]), at: ints([3, 2], [0, 1, 1, 0, 1, 3]) },
      ({ x, u, at }) => g.putRows(x, u, at),
      ['x', 'u'],
    ),
    nodeCase(
      'nothing to put',
      { x: normal(['T', 2]), u: floats(['Z', 2], []), at: ints(['Z', 1], []) },
      ({ x, u, at }) => g.putRows(x, u, at),
      ['x', 'u'],
    ),
  ],
  takeAlong: [
    nodeCase('one of each row', { x: normal(['T', 4]), i: ints(['T', 1], [0, 3, 3, 1, 2]) }, ({ x, i }) =>
      g.takeAlong(x, i),
    ),
    nodeCase(
      'repeats',
      { x: normal([2, 3]), i: ints([2, 4], [0, 0, 2, 1, 2, 2, 2, 2]) },
      ({ x, i }) => g.takeAlong(x, i),
      ['x'],
    ),
    nodeCase('vector', { x: normal(['T']), i: ints([2], [4, 0]) }, ({ x, i }) => g.takeAlong(x, i), ['x']),
    nodeCase('rank 3', { x: normal(['B', 2, 3]), i: randomInts(['B', 2, 'T'], 3) }, ({ x, i }) => g.takeAlong(x, i), [
      'x',
    ]),
    nodeCase('no rows', { x: floats(['Z', 3], []), i: ints(['Z', 1], []) }, ({ x, i }) => g.takeAlong(x, i), ['x']),
    nodeCase('sorted', { x: normal(['B', 'T']) }, ({ x }) => sort(x), ['x']),
    nodeCase('int32', { x: ints([2, 2], [1, 2, 3, 4]), i: ints([2, 1], [1, 0]) }, ({ x, i }) => g.takeAlong(x, i)),
  ],
  scatterAddAlong: [
    nodeCase(
      'repeated indices',
      { u: normal([2, 4]), i: ints([2, 4], [0, 0, 2, 1, 2, 2, 2, 2]) },
      ({ u, i }) => g.scatterAddAlong(u, i, 3),
      ['u'],
    ),
    nodeCase(
      'symbolic size',
      { u: normal(['B', 2]), i: ints(['B', 2], [4, 0, 1, 1]), like: normal(['T']) },
      ({ u, i, like }) => g.add(g.scatterAddAlong(u, i, 'T'), like),
      ['u'],
    ),
    nodeCase('vector', { u: normal(['S']), i: ints(['S'], [1, 0, 1]) }, ({ u, i }) => g.scatterAddAlong(u, i, 2), [
      'u',
    ]),
    nodeCase('rank 3', { u: normal(['B', 2, 'T']), i: randomInts(['B', 2, 'T'], 3) }, ({ u, i }) =>
      g.scatterAddAlong(u, i, 3),
    ),
  ],
  rope: [
    nodeCase(
      'one head',
      { x: normal(['T', 4]), c: normal(['T', 2], Math.cos), s: normal(['T', 2], Math.sin) },
      ({ x, c, s }) => g.rope(x, c, s),
      ['x', 'c', 's'],
    ),
    nodeCase(
      'heads share the angles',
      { x: normal(['B', 2, 'T', 6]), c: normal(['B', 1, 'T', 3], Math.cos), s: normal(['B', 1, 'T', 3], Math.sin) },
      ({ x, c, s }) => g.rope(x, c, s),
      ['x', 'c', 's'],
    ),
    nodeCase(
      'batch shares the angles',
      { x: normal(['B', 2, 'T', 2]), c: normal(['T', 1], Math.cos), s: normal(['T', 1], Math.sin) },
      ({ x, c, s }) => g.rope(x, c, s),
      ['x', 'c', 's'],
    ),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;

/** Scores of about 1e3, whose plain exponential overflows float32. */
const large = (z: number): number => 25 * z;

export const VOCABULARY_CASES = {
  logSumExpMatmul: [
    nodeCase('5 rows, 7 words', { h: normal([5, 4]), e: normal([7, 4]) }, ({ h, e }) => g.logSumExpMatmul(h, e), [
      'h',
      'e',
    ]),
    nodeCase('300 rows, 33 words', { h: normal(['B*T*30', 3]), e: normal([33, 3]), like: normal(['B', 'T']) }, (n) =>
      g.add(g.logSumExpMatmul(n.h, n.e), g.reduceSum(n.like)),
    ),
    nodeCase('one row', { h: normal([1, 2]), e: normal(['T', 2]) }, ({ h, e }) => g.logSumExpMatmul(h, e), ['h', 'e']),
    nodeCase(
      'large scores',
      { h: normal(['T', 4], large), e: normal([7, 4], large) },
      ({ h, e }) => g.logSumExpMatmul(h, e),
      ['h', 'e'],
    ),
    nodeCase('no rows', { h: floats(['Z', 2], []), e: normal([3, 2]) }, ({ h, e }) => g.logSumExpMatmul(h, e), [
      'h',
      'e',
    ]),
  ],
  softmaxMatmul: [
    nodeCase('5 rows, 7 words', { h: normal([5, 4]), e: normal([7, 4]) }, ({ h, e }) => g.softmaxMatmul(h, e), [
      'h',
      'e',
    ]),
    nodeCase('300 rows, 33 words', { h: normal([300, 3]), e: normal([33, 3]) }, ({ h, e }) => g.softmaxMatmul(h, e)),
    nodeCase('symbolic', { h: normal(['S', 2]), e: normal(['T', 2]) }, ({ h, e }) => g.softmaxMatmul(h, e), ['h', 'e']),
    nodeCase('large scores', { h: normal(['T', 4], large), e: normal([7, 4], large) }, ({ h, e }) =>
      g.softmaxMatmul(h, e),
    ),
    nodeCase('no rows', { h: floats(['Z', 2], []), e: normal([3, 2]) }, ({ h, e }) => g.softmaxMatmul(h, e)),
  ],
  softmaxOuter: [
    nodeCase(
      '5 rows, 7 words',
      { h: normal([5, 4]), e: normal([7, 4]), w: normal([5]) },
      ({ h, e, w }) => g.softmaxOuter(h, e, w),
      ['h', 'e', 'w'],
    ),
    nodeCase('300 rows, 33 words', { h: normal([300, 3]), e: normal([33, 3]), w: normal([300]) }, ({ h, e, w }) =>
      g.softmaxOuter(h, e, w),
    ),
    nodeCase(
      'symbolic',
      { h: normal(['S', 2]), e: normal(['T', 2]), w: normal(['S']) },
      ({ h, e, w }) => g.softmaxOuter(h, e, w),
      ['h', 'e', 'w'],
    ),
    nodeCase(
      'large scores',
      { h: normal(['T', 4], large), e: normal([7, 4], large), w: normal(['T']) },
      ({ h, e, w }) => g.softmaxOuter(h, e, w),
    ),
    nodeCase('no rows', { h: floats(['Z', 2], []), e: normal([3, 2]), w: floats(['Z'], []) }, ({ h, e, w }) =>
      g.softmaxOuter(h, e, w),
    ),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;
