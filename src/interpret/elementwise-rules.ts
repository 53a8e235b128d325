import { badInput } from '../core/index.ts';
import type { BinaryKind, CompareKind, Node, UnaryKind } from '../graph/index.ts';
import {
  broadcastOffsets,
  formatPosition,
  makeValue,
  valueDType,
  type Environment,
  type Value,
  type ValueRules,
} from './value.ts';

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** Each accurate over its whole domain, so that the oracle loses no digits where float32 would. */
const UNARY_FUNCTIONS: Readonly<Record<UnaryKind, (x: number) => number>> = {
  neg: (x) => -x,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  log1mexp: (x) => (x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x))),
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid,
  logSigmoid: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  silu: (x) => x * sigmoid(x),
};

const BINARY_FUNCTIONS: Readonly<Record<BinaryKind, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
};

/** int32 arithmetic wraps around modulo 2^32; division truncates toward 0. */
const INT32_FUNCTIONS: Readonly<Record<BinaryKind, (a: number, b: number) => number>> = {
  ...BINARY_FUNCTIONS,
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  div: (a, b) => (a / b) | 0,
};

const COMPARE_FUNCTIONS: Readonly<Record<CompareKind, (a: number, b: number) => boolean>> = {
  equal: (a, b) => a === b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
};

type Rule = (node: Node, inputs: readonly Value[], environment: Environment) => Value;

/** Applies `compute` to the elements of all inputs, broadcast to the node's shape. */
function mapBroadcast(compute: (...elements: number[]) => number): Rule {
  return (node, inputs, { shapeOf }) => {
    const shape = shapeOf(node.shape);
    const offsets = inputs.map((input) => broadcastOffsets(input.shape, shape));
    return makeValue(valueDType(node.dtype), shape, (position) =>
      compute(...inputs.map((input, i) => input.data[offsets[i]![position]!]!)),
    );
  };
}

function unary(kind: UnaryKind): Rule {
  const compute = UNARY_FUNCTIONS[kind];
  return (_node, inputs) => makeValue('float64', inputs[0]!.shape, (position) => compute(inputs[0]!.data[position]!));
}

function binary(kind: BinaryKind): Rule {
  const float = mapBroadcast(BINARY_FUNCTIONS[kind]);
  const int = mapBroadcast(INT32_FUNCTIONS[kind]);
  return (node, inputs, environment) => (node.dtype === 'int32' ? int : float)(node, inputs, environment);
}

function compare(kind: CompareKind): Rule {
  const compute = COMPARE_FUNCTIONS[kind];
  return mapBroadcast((...[a, b]) => Number(compute(a!, b!)));
}

function divide(node: Node, inputs: readonly Value[], environment: Environment): Value {
  const divisor = inputs[1]!;
  const zero = node.dtype === 'int32' ? divisor.data.indexOf(0) : -1;
  if (zero >= 0)
    throw badInput(`div: int32 divisors must not be 0, got 0 at ${formatPosition(divisor.shape, zero)} of the divisor`);
  return binary('div')(node, inputs, environment);
}

const CASTS = {
  float32: (x: number) => x,
  int32: (x: number) => Math.trunc(x) | 0,
  bool: (x: number) => Number(x !== 0),
};

export const ELEMENTWISE_RULES = {
  neg: unary('neg'),
  exp: unary('exp'),
  expm1: unary('expm1'),
  log: unary('log'),
  log1p: unary('log1p'),
  log1mexp: unary('log1mexp'),
  sqrt: unary('sqrt'),
  abs: unary('abs'),
  sign: unary('sign'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  logSigmoid: unary('logSigmoid'),
  silu: unary('silu'),
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: divide,
  maximum: binary('maximum'),
  minimum: binary('minimum'),
  equal: compare('equal'),
  less: compare('less'),
  lessEqual: compare('lessEqual'),
  and: mapBroadcast((...[a, b]) => a! * b!),
  or: mapBroadcast((...[a, b]) => Math.max(a!, b!)),
  not: mapBroadcast((...[a]) => 1 - a!),
  where: mapBroadcast((...[condition, x, y]) => (condition === 1 ? x! : y!)),
  cast: ({ attributes: { to } }, [x]) =>
    makeValue(valueDType(to), x!.shape, (position) => CASTS[to](x!.data[position]!)),
  stopGradient: (_node, [x]) => x!,
} satisfies Partial<ValueRules>;
