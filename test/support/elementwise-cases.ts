import * as g from '../../src/graph/index.ts';
import type { BinaryKind, CompareKind, Node, UnaryKind } from '../../src/graph/index.ts';
import { bools, floats, ints, nodeCase, normal, type NodeCase } from './case-builder.ts';

interface UnarySituation {
  /** Elements at the ends of the domain; finite in float32 before and after. */
  readonly edges: readonly number[];
  /** Brings a standard normal number into the domain. */
  readonly map?: (z: number) => number;
  /** Whether the function has a derivative at the edges. Default true. */
  readonly smoothEdges?: boolean;
}

function unaryCases(operation: (x: Node) => Node, { edges, map, smoothEdges = true }: UnarySituation): NodeCase[] {
  const make = ({ x }: { readonly x: Node }): Node => operation(x);
  return [
    nodeCase('scalar', { x: normal([], map) }, make, ['x']),
    nodeCase('symbolic matrix', { x: normal(['T', 3], map) }, make, ['x']),
    nodeCase('rank 4', { x: normal(['B', 1, 'S', 2], map) }, make, ['x']),
    nodeCase('no elements', { x: floats(['Z', 2], []) }, make, ['x']),
    nodeCase('edges', { x: floats([edges.length], edges) }, make, smoothEdges ? ['x'] : []),
  ];
}

/** Normal numbers that keep off 0, where abs and sign have no derivative. */
const awayFromZero = (z: number): number => z + Math.sign(z) * 0.05;

export const UNARY_CASES = {
  neg: unaryCases(g.neg, { edges: [0, -1e3, 1e3] }),
  exp: unaryCases(g.exp, { edges: [-1e3, -20, -1e-6, 0, 1e-6, 1, 80] }),
  expm1: unaryCases(g.expm1, { edges: [-1e3, -20, -1e-6, 0, 1e-6, 1e-3, 1, 80] }),
  log: unaryCases(g.log, { edges: [1e-30, 1e-3, 1, 1.0001, 1e30], map: Math.exp }),
  log1p: unaryCases(g.log1p, { edges: [-0.9, -1e-6, 0, 1e-7, 1e-3, 1e3], map: (z) => Math.exp(z) - 0.9 }),
  log1mexp: unaryCases(g.log1mexp, {
    edges: [-50, -3, -0.7, -0.69, -0.5, -1e-3, -1e-6],
    map: (z) => -Math.exp(z),
  }),
  sqrt: unaryCases(g.sqrt, { edges: [1e-20, 1e-3, 1, 4, 1e20], map: Math.exp }),
  abs: unaryCases(g.abs, { edges: [0, -1e-6, 1e-6, -1e3, 1e3], map: awayFromZero, smoothEdges: false }),
  sign: unaryCases(g.sign, { edges: [0, -1e-6, 1e-6, -1e3, 1e3], map: awayFromZero, smoothEdges: false }),
  sin: unaryCases(g.sin, { edges: [0, 1e-6, Math.PI, -Math.PI / 2, 100] }),
  cos: unaryCases(g.cos, { edges: [0, 1e-6, Math.PI, -Math.PI / 2, 100] }),
  tanh: unaryCases(g.tanh, { edges: [0, -1e3, 1e3, 1e-6, -8, 8] }),
  sigmoid: unaryCases(g.sigmoid, { edges: [0, -1e3, 1e3, -20, 20, 1e-6] }),
  logSigmoid: unaryCases(g.logSigmoid, { edges: [0, -1e3, 1e3, -104, 104, -20, 20, 1e-6] }),
  silu: unaryCases(g.silu, { edges: [0, -1e3, 1e3, -20, 20, 1e-6, -1.2784645] }),
} satisfies Record<UnaryKind, readonly NodeCase[]>;

type Binary = (a: g.Operand, b: g.Operand) => Node;

/** Away from 0 for divisors, and no two elements within a step of central differences for maximum and minimum. */
const divisor = (z: number): number => Math.sign(z) * (Math.abs(z) + 0.3);

function binaryCases(operation: Binary): NodeCase[] {
  const make = ({ a, b }: { readonly a: Node; readonly b: Node }): Node => operation(a, b);
  const both = ['a', 'b'] as const;
  return [
    nodeCase('scalars', { a: normal([]), b: normal([], divisor) }, make, both),
    nodeCase('same symbolic shape', { a: normal(['B', 'T']), b: normal(['B', 'T'], divisor) }, make, both),
    nodeCase('scalar left', { a: normal([]), b: normal(['T', 2], divisor) }, make, both),
    nodeCase('row right', { a: normal(['T', 3]), b: normal([3], divisor) }, make, both),
    nodeCase('both sides repeat', { a: normal(['T', 1]), b: normal(['S'], divisor) }, make, both),
    nodeCase('rank 4 middle axes', { a: normal(['B', 1, 'S', 2]), b: normal([4, 1, 2], divisor) }, make, both),
    nodeCase('constant right', { a: normal(['T']) }, ({ a }) => operation(a, 0.5), ['a']),
    nodeCase('the same node twice', { a: normal(['T'], divisor) }, ({ a }) => operation(a, a), ['a']),
    nodeCase('no elements', { a: floats(['Z', 2], []), b: normal([2], divisor) }, make, both),
    nodeCase('int32', { a: ints(['T'], [7, -7, 0, 2147483647, -5]), b: ints(['T'], [2, 2, 3, 1, -3]) }, make),
    nodeCase('int32 and a number', { a: ints(['S'], [9, -9, 1]) }, ({ a }) => operation(a, 4)),
  ];
}

export const BINARY_CASES = {
  add: [
    ...binaryCases(g.add),
    nodeCase('int32 wraps around', { a: ints([2], [2147483647, -2147483648]), b: ints([2], [1, -1]) }, ({ a, b }) =>
      g.add(a, b),
    ),
  ],
  sub: binaryCases(g.sub),
  mul: [
    ...binaryCases(g.mul),
    nodeCase('int32 wraps around', { a: ints([3], [65537, -46341, 123456789]) }, ({ a }) => g.mul(a, a)),
  ],
  div: binaryCases(g.div),
  maximum: [
    ...binaryCases(g.maximum),
    nodeCase('ties', { a: floats([3], [1, 2, -3]), b: floats([3], [1, -2, -3]) }, ({ a, b }) => g.maximum(a, b)),
  ],
  minimum: [
    ...binaryCases(g.minimum),
    nodeCase('ties', { a: floats([3], [1, 2, -3]), b: floats([3], [1, -2, -3]) }, ({ a, b }) => g.minimum(a, b)),
  ],
} satisfies Record<BinaryKind, readonly NodeCase[]>;

function compareCases(operation: Binary): NodeCase[] {
  const make = ({ a, b }: { readonly a: Node; readonly b: Node }): Node => operation(a, b);
  return [
    nodeCase('scalars', { a: floats([], [1]), b: floats([], [1]) }, make),
    nodeCase('float32 with ties', { a: floats(['T'], [1, 2, 3, -0, 5]), b: floats(['T'], [1, 3, 2, 0, 5]) }, make),
    nodeCase('int32 column and row', { a: ints(['T', 1], [0, 1, 2, 3, 4]), b: ints(['S'], [0, 2, 4]) }, make),
    nodeCase('rank 4', { a: normal(['B', 1, 'S', 2]), b: normal([4, 1, 2]) }, make),
    nodeCase('no elements', { a: ints(['Z'], []) }, ({ a }) => operation(a, 1)),
    nodeCase('large int32', { a: ints([3], [16777217, -16777217, 5]), b: ints([3], [16777216, -16777216, 5]) }, make),
  ];
}

export const COMPARE_CASES = {
  equal: compareCases(g.equal),
  less: compareCases(g.less),
  lessEqual: compareCases(g.lessEqual),
} satisfies Record<CompareKind, readonly NodeCase[]>;

function logicalCases(operation: (a: Node, b: Node) => Node): NodeCase[] {
  const make = ({ a, b }: { readonly a: Node; readonly b: Node }): Node => operation(a, b);
  return [
    nodeCase('truth table', { a: bools([4], [0, 0, 1, 1]), b: bools([4], [0, 1, 0, 1]) }, make),
    nodeCase('column and row', { a: bools(['S', 1], [0, 1, 1]), b: bools(['B'], [1, 0]) }, make),
    nodeCase('scalar and rank 3', { a: bools([], [1]), b: bools([1, 'B', 2], [1, 0, 0, 1]) }, make),
  ];
}

export const SELECT_CASES = {
  and: logicalCases(g.and),
  or: logicalCases(g.or),
  not: [
    nodeCase('scalar', { a: bools([], [1]) }, ({ a }) => g.not(a)),
    nodeCase('matrix', { a: bools(['B', 2], [1, 0, 0, 1]) }, ({ a }) => g.not(a)),
  ],
  where: [
    nodeCase(
      'same shape',
      { c: bools(['T'], [1, 0, 1, 0, 0]), x: normal(['T']), y: normal(['T']) },
      ({ c, x, y }) => g.where(c, x, y),
      ['x', 'y'],
    ),
    nodeCase(
      'condition row, x column, y scalar',
      { c: bools(['S'], [1, 0, 1]), x: normal(['T', 1]), y: normal([]) },
      ({ c, x, y }) => g.where(c, x, y),
      ['x', 'y'],
    ),
    nodeCase(
      'condition of higher rank',
      { c: bools([2, 1, 2], [1, 0, 0, 1]), x: normal([2]), y: normal([3, 1]) },
      ({ c, x, y }) => g.where(c, x, y),
      ['x', 'y'],
    ),
    nodeCase(
      'NaN on the side not taken',
      { x: floats([4], [-2, 3, -0.5, 1]) },
      ({ x }) => g.where(g.less(0, x), g.log(x), g.log(g.neg(x))),
      ['x'],
    ),
    nodeCase('masked with minus infinity', { c: bools(['S'], [1, 0, 1]), x: normal(['T', 'S']) }, ({ c, x }) =>
      g.softmax(g.where(c, x, -Infinity)),
    ),
    nodeCase('int32', { c: bools(['S'], [1, 0, 1]), x: ints(['S'], [1, 2, 3]) }, ({ c, x }) => g.where(c, x, -1)),
    nodeCase('bool', { c: bools([2], [1, 0]), x: bools([2], [0, 0]), y: bools([2], [1, 1]) }, ({ c, x, y }) =>
      g.where(c, x, y),
    ),
  ],
  cast: [
    nodeCase('float32 to int32 truncates', { x: floats(['T'], [1.9, -1.9, 0.5, -0.5, 3e6]) }, ({ x }) =>
      g.cast(x, 'int32'),
    ),
    nodeCase('float32 to bool', { x: floats(['T'], [0, -0, 0.25, -3, 1e-30]) }, ({ x }) => g.cast(x, 'bool')),
    nodeCase('int32 to float32', { x: ints([2, 'B'], [1, -2, 3, 16777216]) }, ({ x }) => g.cast(x, 'float32')),
    nodeCase('int32 to bool', { x: ints(['S'], [0, 5, -1]) }, ({ x }) => g.cast(x, 'bool')),
    nodeCase('bool to float32', { x: bools([2], [1, 0]) }, ({ x }) => g.cast(x, 'float32')),
    nodeCase('bool to int32', { x: bools([], [1]) }, ({ x }) => g.cast(x, 'int32')),
  ],
  stopGradient: [
    nodeCase('float32', { x: normal(['T', 2]) }, ({ x }) => g.stopGradient(x)),
    nodeCase('bool', { x: bools([2], [1, 0]) }, ({ x }) => g.stopGradient(x)),
  ],
} satisfies Partial<Record<g.NodeKind, readonly NodeCase[]>>;
