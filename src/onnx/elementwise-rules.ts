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

const LARGEST_FLOAT32 = 3.4028234663852886e38;

/**
 * log(1 + x) for finite x: with u = fl(1 + x) it is log(u) x / (u - 1), and x itself where u is 1; the rounding errors of u cancel.
 * log(1 + x) plainly is 0 for x = 1e-8. Source: Kahan, in Goldberg 1991, theorem 4.
 */
function finiteLog1p(x: string, { emit, float }: Emitter): string {
  const u = emit('Add', [x, float(1)]);
  const excess = emit('Sub', [u, float(1)]);
  const corrected = emit('Mul', [emit('Log', [u]), emit('Div', [x, excess])]);
  return emit('Where', [emit('Equal', [excess, float(0)]), x, corrected]);
}

/** The same where x may be infinite: the quotient x / (u - 1) is taken of clamped values and is 1 there. */
function log1p(x: string, { emit, float }: Emitter): string {
  const u = emit('Add', [x, float(1)]);
  const excess = emit('Sub', [u, float(1)]);
  const largest = float(LARGEST_FLOAT32);
  const quotient = emit('Div', [emit('Min', [x, largest]), emit('Min', [excess, largest])]);
  const corrected = emit('Mul', [emit('Log', [u]), quotient]);
  return emit('Where', [emit('Equal', [excess, float(0)]), x, corrected]);
}

/** exp(x) - 1 = tanh(x/2) (exp(x) + 1): no subtraction of near values, and right at both infinities. */
function expm1(x: string, { emit, float }: Emitter): string {
  const half = emit('Tanh', [emit('Mul', [x, float(0.5)])]);
  return emit('Mul', [half, emit('Add', [emit('Exp', [x]), float(1)])]);
}

/** log(-expm1(x)) above -ln 2, log1p(-exp(x)) below. Source: Maechler 2012 (log1mexp), eq. 7. */
function log1mexp(x: string, emitter: Emitter): string {
  const { emit, float } = emitter;
  const near = emit('Log', [emit('Neg', [expm1(x, emitter)])]);
  const far = finiteLog1p(emit('Neg', [emit('Exp', [x])]), emitter);
  return emit('Where', [emit('Greater', [x, float(-Math.LN2)]), near, far]);
}

/** min(x, 0) - log1p(exp(-|x|)) */
function logSigmoid(x: string, emitter: Emitter): string {
  const { emit, float } = emitter;
  const tail = finiteLog1p(emit('Exp', [emit('Neg', [emit('Abs', [x])])]), emitter);
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
