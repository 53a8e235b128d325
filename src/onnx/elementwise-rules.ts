import type { BinaryKind, CompareKind, Node, NodeKind, UnaryKind } from '../graph/index.ts';
import { castTo, type Emitter } from './emitter.ts';

/** A rule lowers one node to operators and gives the name of the value. */
export type LowerRule = (node: Node, emitter: Emitter) => string;

export function inputsOf(node: Node, emitter: Emitter): string[] {
  return node.inputs.map((input) => emitter.valueOf(input));
}

/** The node as one operator over its inputs. */
function direct(operator: string): LowerRule {
  return (node, emitter) => emitter.emit(operator, inputsOf(node, emitter));
}

/** One value made from the value of the node's first input. */
function composed(make: (x: string, emitter: Emitter) => string): LowerRule {
  return (node, emitter) => make(emitter.valueOf(node.inputs[0]!), emitter);
}

/** c0 + x (c1 + x (c2 + ...)) */
export function polynomial(x: string, coefficients: readonly number[], { emit, float }: Emitter): string {
  const [last, ...rest] = coefficients.toReversed().map(float);
  return rest.reduce((sum, coefficient) => emit('Add', [emit('Mul', [sum, x]), coefficient]), last!);
}

/**
 * log(1 + x). Near 0, where 1 + x loses x, it is 2 atanh(s) with s = x / (2 + x): five terms of s + s^3/3 + s^5/5 + ... leave
 * 1e-8 for |s| < 0.2. Kahan's correction of log(1 + x) would need a logarithm that is right near 1, which WGSL's is not.
 */
function log1p(x: string, emitter: Emitter): string {
  const { emit, float } = emitter;
  const s = emit('Div', [x, emit('Add', [x, float(2)])]);
  const series = polynomial(emit('Mul', [s, s]), [2, 2 / 3, 2 / 5, 2 / 7, 2 / 9], emitter);
  const near = emit('Mul', [s, series]);
  const far = emit('Log', [emit('Add', [x, float(1)])]);
  return emit('Where', [emit('Less', [emit('Abs', [s]), float(0.2)]), near, far]);
}

/** 1/1!, 1/2!, ... 1/8!: the series of expm1(x) / x, right to 1e-8 for |x| < 0.5. */
const EXPM1_SERIES = [1, 2, 6, 24, 120, 720, 5040, 40_320].map((factorial) => 1 / factorial);

/** exp(x) - 1, by its series where the subtraction would cancel. */
function expm1(x: string, emitter: Emitter): string {
  const { emit, float } = emitter;
  const near = emit('Mul', [x, polynomial(x, EXPM1_SERIES, emitter)]);
  const far = emit('Sub', [emit('Exp', [x]), float(1)]);
  return emit('Where', [emit('Less', [emit('Abs', [x]), float(0.5)]), near, far]);
}

/** log(-expm1(x)) above -ln 2, log1p(-exp(x)) below. Source: Maechler 2012 (log1mexp), eq. 7. */
function log1mexp(x: string, emitter: Emitter): string {
  const { emit, float } = emitter;
  const near = emit('Log', [emit('Neg', [expm1(x, emitter)])]);
  const far = log1p(emit('Neg', [emit('Exp', [x])]), emitter);
  return emit('Where', [emit('Greater', [x, float(-Math.LN2)]), near, far]);
}

/** min(x, 0) - log1p(exp(-|x|)) */
function logSigmoid(x: string, emitter: Emitter): string {
  const { emit, float } = emitter;
  const tail = log1p(emit('Exp', [emit('Neg', [emit('Abs', [x])])]), emitter);
  return emit('Sub', [emit('Min', [x, float(0)]), tail]);
}

export const ELEMENTWISE_RULES = {
  neg: direct('Neg'),
  exp: direct('Exp'),
  expm1: composed(expm1),
  log: direct('Log'),
  log1p: composed(log1p),
  log1mexp: composed(log1mexp),
  sqrt: direct('Sqrt'),
  abs: direct('Abs'),
  sign: direct('Sign'),
  sin: direct('Sin'),
  cos: direct('Cos'),
  tanh: direct('Tanh'),
  sigmoid: direct('Sigmoid'),
  logSigmoid: composed(logSigmoid),
  silu: composed((x, { emit }) => emit('Mul', [x, emit('Sigmoid', [x])])),

  add: direct('Add'),
  sub: direct('Sub'),
  mul: direct('Mul'),
  div: direct('Div'),
  maximum: direct('Max'),
  minimum: direct('Min'),
  equal: direct('Equal'),
  less: direct('Less'),
  lessEqual: direct('LessOrEqual'),
} satisfies Record<UnaryKind | BinaryKind | CompareKind, LowerRule>;

export const LOGICAL_RULES = {
  and: direct('And'),
  or: direct('Or'),
  not: direct('Not'),
  where(node, emitter) {
    const [condition, x, y] = inputsOf(node, emitter) as [string, string, string];
    if (node.dtype !== 'bool') return emitter.emit('Where', [condition, x, y]);
    const chosen = emitter.emit('And', [condition, x]);
    return emitter.emit('Or', [chosen, emitter.emit('And', [emitter.emit('Not', [condition]), y])]);
  },
  cast(node, emitter) {
    const x = node.inputs[0]!;
    return x.dtype === node.dtype ? emitter.valueOf(x) : castTo(emitter, emitter.valueOf(x), node.dtype);
  },
  stopGradient: (node, emitter) => emitter.valueOf(node.inputs[0]!),
} satisfies Partial<Record<NodeKind, LowerRule>>;
