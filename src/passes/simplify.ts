import { float32Tensor, int32Tensor } from '../core/index.ts';
import {
  add,
  constant,
  matmul,
  mul,
  neg,
  reshape,
  rewrite,
  sameShape,
  scalar,
  sub,
  transpose,
  withInputs,
  type Graph,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { byKind, entry, firstOf } from './pattern-table.ts';
import { any, op, scalarOf, scalarValue, type MatchOptions } from './pattern.ts';

type Rule<K extends Node['kind']> = (node: NodeOf<K>) => Node | undefined;

/** x where x alone has the shape of the whole. */
function alone({ x }: { readonly x: Node }, root: Node): Node | undefined {
  return sameShape(x.shape, root.shape) ? x : undefined;
}

const X = any('x');
const [A, B] = [any('a'), any('b')];

/** Neutral elements and signs. */
const EQUALITIES = byKind<MatchOptions, Node>([
  entry({ formula: 'x + 0 = x', pattern: op('add', [X, scalarOf(0)]), build: alone }),
  entry({ formula: 'a + (-b) = a - b', pattern: op('add', [A, op('neg', [B])]), build: ({ a, b }) => sub(a, b) }),
  entry({ formula: 'x - 0 = x', pattern: op('sub', [X, scalarOf(0)]), build: alone }),
  entry({ formula: 'a - (-b) = a + b', pattern: op('sub', [A, op('neg', [B])]), build: ({ a, b }) => add(a, b) }),
  entry({ formula: 'x * 1 = x', pattern: op('mul', [X, scalarOf(1)]), build: alone }),
  entry({
    formula: 'x * -1 = -x',
    pattern: op('mul', [X, scalarOf(-1)], { where: ({ dtype }) => dtype === 'float32' }),
    build: (found, root) => alone(found, root) && neg(found.x),
  }),
  entry({ formula: 'x / 1 = x', pattern: op('div', [X, scalarOf(1)]), build: alone }),
  entry({ formula: '-(-x) = x', pattern: op('neg', [op('neg', [X])]), build: ({ x }) => x }),
  entry({ formula: 'not not x = x', pattern: op('not', [op('not', [X])]), build: ({ x }) => x }),
]);

/** The equalities hold whatever stands around a node. */
const ANYWHERE: MatchOptions = {};

function equal(node: Node): Node | undefined {
  return firstOf(EQUALITIES, node, ANYWHERE);
}

const ARITHMETIC = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
} as const;

/** Arithmetic on scalar constants, in the dtype's own precision; integer division and overflow are left to run time. */
function fold(node: NodeOf<'add' | 'sub' | 'mul' | 'div'>): Node | undefined {
  const values = node.inputs.map(scalarValue);
  if (values.some((value) => value === undefined)) return undefined;
  const result = ARITHMETIC[node.kind](values[0]!, values[1]!);
  const shape = node.shape as readonly number[];
  if (node.dtype === 'float32') return constant(float32Tensor(shape, [Math.fround(result)]));
  return Number.isSafeInteger(result) && Math.abs(result) < 2 ** 31 && node.kind !== 'div'
    ? constant(int32Tensor(shape, [result]))
    : undefined;
}

/** The operand and factor of a multiplication of float32 by a scalar constant. */
function scaled(node: Node): { readonly x: Node; readonly factor: number } | undefined {
  if ((node.kind !== 'mul' && node.kind !== 'div') || node.dtype !== 'float32') return undefined;
  const [a, b] = node.inputs as [Node, Node];
  const right = scalarValue(b);
  if (right !== undefined && sameShape(a.shape, node.shape))
    return { x: a, factor: node.kind === 'mul' ? right : 1 / right };
  const left = node.kind === 'mul' ? scalarValue(a) : undefined;
  return left !== undefined && sameShape(b.shape, node.shape) ? { x: b, factor: left } : undefined;
}

/**
 * Whether a joined factor is a normal float32: (x * 1e30) * 1e30 must stay two steps, since their product is
 * infinite and 0 times it is not a number; (x * 1e-30) * 1e-30 must not become x * 0.
 */
function isUsable(factor: number): boolean {
  const size = Math.abs(factor);
  return size >= 2 ** -126 && size < 2 ** 127;
}

function swapsLastTwo(node: Node): boolean {
  if (node.kind !== 'transpose') return false;
  const { permutation } = node.attributes;
  const rank = permutation.length;
  return (
    rank >= 2 && permutation.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
  );
}

/** Transposes and scalar factors of a product's operands become its flags and scale. */
function absorbOperands(node: NodeOf<'matmul'>): Node | undefined {
  const [a, b] = node.inputs as [Node, Node];
  const { transposeA, transposeB, scale } = node.attributes;
  if (swapsLastTwo(a)) return matmul(a.inputs[0]!, b, { transposeA: !transposeA, transposeB, scale });
  if (swapsLastTwo(b)) return matmul(a, b.inputs[0]!, { transposeA, transposeB: !transposeB, scale });
  for (const side of [0, 1] as const) {
    const factored = scaled(node.inputs[side]!);
    if (factored === undefined || !isUsable(scale * factored.factor)) continue;
    const [left, right] = side === 0 ? [factored.x, b] : [a, factored.x];
    return matmul(left, right, { transposeA, transposeB, scale: scale * factored.factor });
  }
  return undefined;
}

/** (x * a) * b = x * (a b) */
function joinFactors(node: Node): Node | undefined {
  const outer = scaled(node);
  const inner = outer && scaled(outer.x);
  if (outer !== undefined && inner !== undefined && isUsable(outer.factor * inner.factor))
    return mul(inner.x, scalar(outer.factor * inner.factor));
  return undefined;
}

const RULES: { readonly [K in Node['kind']]?: Rule<K> } = {
  add: (node) => fold(node) ?? equal(node),
  sub: (node) => fold(node) ?? equal(node),
  mul: (node) => fold(node) ?? equal(node) ?? joinFactors(node),
  div: (node) => fold(node) ?? equal(node),
  neg: equal,
  not: equal,
  matmul: absorbOperands,
  reshape: (node) => {
    const x = node.inputs[0]!;
    if (sameShape(x.shape, node.shape)) return x;
    return x.kind === 'reshape' ? reshape(x.inputs[0]!, node.shape) : undefined;
  },
  transpose: (node) => {
    const x = node.inputs[0]!;
    const { permutation } = node.attributes;
    if (permutation.every((axis, i) => axis === i)) return x;
    if (x.kind !== 'transpose') return undefined;
    return transpose(
      x.inputs[0]!,
      permutation.map((axis) => x.attributes.permutation[axis]!),
    );
  },
  broadcastTo: (node) => (sameShape(node.inputs[0]!.shape, node.shape) ? node.inputs[0] : undefined),
  slice: (node) => (sameShape(node.inputs[0]!.shape, node.shape) ? node.inputs[0] : undefined),
  pad: (node) => (sameShape(node.inputs[0]!.shape, node.shape) ? node.inputs[0] : undefined),
  concat: (node) => (node.inputs.length === 1 ? node.inputs[0] : undefined),
  reduceSum: (node) => (node.attributes.axes.length === 0 ? node.inputs[0] : undefined),
  reduceMax: (node) => (node.attributes.axes.length === 0 ? node.inputs[0] : undefined),
  cast: (node) => {
    const value = scalarValue(node.inputs[0]!);
    if (value === undefined || node.inputs[0]!.dtype !== 'int32' || node.dtype !== 'float32') return undefined;
    return constant(float32Tensor(node.shape as readonly number[], [value]));
  },
};

const MOST_STEPS = 20;

/**
 * Rewrites each node by rules that keep its value: arithmetic on scalar constants, neutral elements (x + 0, x * 1), double
 * negation, transposes and factors absorbed into products, reshapes and transposes joined. Results may differ by the
 * rounding of joined factors, nothing else. stopGradient goes, so gradients must have been taken before.
 */
export function simplify(source: Graph): Graph {
  return rewrite(source, (original, inputs) => {
    let node = withInputs(original, inputs);
    for (let step = 0; step < MOST_STEPS; step++) {
      const rule = RULES[node.kind] as ((node: Node) => Node | undefined) | undefined;
      const simpler = node.kind === 'stopGradient' ? node.inputs[0] : rule?.(node);
      if (simpler === undefined) break;
      node = simpler;
    }
    return node;
  });
}
