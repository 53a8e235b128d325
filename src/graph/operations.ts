import { badInput, float32Tensor, int32Tensor, type ComputeDType, type DType, type HostTensor } from '../core/index.ts';
import { dimProduct, formatShape, type Dim, type Shape } from './dim.ts';
import { makeNode } from './make-node.ts';
import type { BinaryKind, CompareKind, FrozenMatmulAttributes, Node, UnaryKind } from './node.ts';

/**
 * The functions that build graphs. Each makes one node (or a short composition) whose meaning stands beside its kind in
 * node.ts. A number may stand wherever a float32 or int32 node is expected: it becomes a scalar constant.
 */

export type Operand = Node | number;

const EMPTY = Object.freeze({});

/**
 * A value given at run time. Names are unique within a graph; a symbolic dimension has one value for the whole graph.
 *
 * @example
 * ```ts run
 * import { input } from 'preftune';
 *
 * const tokens = input('tokens', ['T'], 'int32');
 * console.log(tokens.dtype, tokens.shape); // int32 [ 'T' ]
 * ```
 */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Node {
  return makeNode('input', [], { name, shape: shape.map((dim) => dimProduct([dim])), dtype });
}

export function constant(value: HostTensor): Node {
  return makeNode('constant', [], { value });
}

/** A scalar constant. Throws bad-input for an int32 that is not a whole number of 32 bits. */
export function scalar(value: number, dtype: 'float32' | 'int32' = 'float32'): Node {
  if (dtype === 'int32' && (value | 0) !== value)
    throw badInput(
      `scalar: an int32 must be a whole number of 32 bits, got ${value}; cast the other operand to float32`,
    );
  return constant(dtype === 'float32' ? float32Tensor([], [value]) : int32Tensor([], [value]));
}

export function iota(length: Dim): Node {
  return makeNode('iota', [], { length });
}

/** The value of a dimension as an int32 scalar. */
export function dimSize(dim: Dim): Node {
  return typeof dim === 'number' ? scalar(dim, 'int32') : makeNode('dimSize', [], { dim });
}

export function randomUniform(seed: Node, shape: Shape): Node {
  return makeNode('randomUniform', [seed], { shape });
}

function unary(kind: UnaryKind): (x: Node) => Node {
  return (x) => makeNode(kind, [x], EMPTY);
}

/** -x */
export const neg = unary('neg');
export const exp = unary('exp');
/** exp(x) - 1, accurate near 0. */
export const expm1 = unary('expm1');
export const log = unary('log');
/** log(1 + x), accurate near 0. */
export const log1p = unary('log1p');
/** log(1 - exp(x)) for x < 0, accurate at both ends: log(-expm1(x)) above -ln 2, log1p(-exp(x)) below. */
export const log1mexp = unary('log1mexp');
export const sqrt = unary('sqrt');
export const abs = unary('abs');
/** -1, 0 or 1. */
export const sign = unary('sign');
export const sin = unary('sin');
export const cos = unary('cos');
export const tanh = unary('tanh');
/** 1 / (1 + exp(-x)) */
export const sigmoid = unary('sigmoid');
/** log sigmoid(x) = min(x, 0) - log1p(exp(-|x|)); log(sigmoid(x)) would be -infinity in float32 at x = -104. */
export const logSigmoid = unary('logSigmoid');
/** x sigmoid(x) */
export const silu = unary('silu');

function operands(a: Operand, b: Operand): [Node, Node] {
  const dtype = [a, b].some((side) => typeof side !== 'number' && side.dtype === 'int32') ? 'int32' : 'float32';
  return [typeof a === 'number' ? scalar(a, dtype) : a, typeof b === 'number' ? scalar(b, dtype) : b];
}

function binary(kind: BinaryKind | CompareKind): (a: Operand, b: Operand) => Node {
  return (a, b) => makeNode(kind, operands(a, b), EMPTY);
}

export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');
export const maximum = binary('maximum');
export const minimum = binary('minimum');
export const equal = binary('equal');
export const less = binary('less');
export const lessEqual = binary('lessEqual');

export function and(a: Node, b: Node): Node {
  return makeNode('and', [a, b], EMPTY);
}

export function or(a: Node, b: Node): Node {
  return makeNode('or', [a, b], EMPTY);
}

export function not(a: Node): Node {
  return makeNode('not', [a], EMPTY);
}

/** condition ? x : y, element by element. */
export function where(condition: Node, x: Operand, y: Operand): Node {
  return makeNode('where', [condition, ...operands(x, y)], EMPTY);
}

export function cast(x: Node, to: ComputeDType): Node {
  return x.dtype === to ? x : makeNode('cast', [x], { to });
}

export function stopGradient(x: Node): Node {
  return makeNode('stopGradient', [x], EMPTY);
}

export interface ReduceOptions {
  /** Default: all axes. Negative axes count from the end. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with length 1. Default false. */
  readonly keepDims?: boolean;
}

function reduceAttributes(x: Node, { axes, keepDims = false }: ReduceOptions) {
  const all = axes ?? x.shape.map((_dim, axis) => axis);
  const sorted = all.map((axis) => (axis < 0 ? axis + x.shape.length : axis)).toSorted((a, b) => a - b);
  return { axes: sorted, keepDims };
}

export function reduceSum(x: Node, options: ReduceOptions = {}): Node {
  return makeNode('reduceSum', [x], reduceAttributes(x, options));
}

export function reduceMax(x: Node, options: ReduceOptions = {}): Node {
  return makeNode('reduceMax', [x], reduceAttributes(x, options));
}

/** The mean over axes; the count may be symbolic. */
export function mean(x: Node, options: ReduceOptions = {}): Node {
  const { axes } = reduceAttributes(x, options);
  const count = dimProduct(axes.map((axis) => x.shape[axis]!));
  return div(reduceSum(x, options), cast(dimSize(count), 'float32'));
}

/** Over the last axis. */
export function softmax(x: Node): Node {
  return makeNode('softmax', [x], EMPTY);
}

/** Over the last axis, which disappears. */
export function logSumExp(x: Node): Node {
  return makeNode('logSumExp', [x], EMPTY);
}

/** log softmax(x) over the last axis: x - logSumExp(x). */
export function logSoftmax(x: Node): Node {
  return sub(x, unsqueeze(logSumExp(x), -1));
}

export function inverseRms(x: Node, epsilon: number): Node {
  return makeNode('inverseRms', [x], { epsilon });
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis. Source: Zhang and Sennrich 2019 (RMSNorm), eq. 4. */
export function rmsNorm(x: Node, weight: Node, epsilon: number): Node {
  return mul(mul(x, inverseRms(x, epsilon)), weight);
}

/** int32 order that sorts the last axis ascending, equal values in their old order. */
export function argsort(x: Node): Node {
  return makeNode('argsort', [x], EMPTY);
}

/** The last axis sorted ascending; differentiable, since the order is a constant of the gradient. */
export function sort(x: Node): Node {
  return takeAlong(x, argsort(x));
}

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly scale?: number;
}

export function matmul(
  a: Node,
  b: Node,
  { transposeA = false, transposeB = false, scale = 1 }: MatmulOptions = {},
): Node {
  return makeNode('matmul', [a, b], { transposeA, transposeB, scale });
}

/** x W^T or x W with a frozen W in its stored parts; see WeightStorage. */
export function frozenMatmul(x: Node, parts: readonly Node[], attributes: FrozenMatmulAttributes): Node {
  return makeNode('frozenMatmul', [x, ...parts], attributes);
}

export function reshape(x: Node, shape: Shape): Node {
  return makeNode('reshape', [x], { shape: shape.map((dim) => dimProduct([dim])) });
}

/** Removes an axis of length 1. Negative axes count from the end. */
export function squeeze(x: Node, axis: number): Node {
  const at = axis < 0 ? axis + x.shape.length : axis;
  if (x.shape[at] !== 1) throw badInput(`squeeze: axis ${axis} must have length 1, got ${formatShape(x.shape)}`);
  return reshape(
    x,
    x.shape.filter((_dim, i) => i !== at),
  );
}

/** Inserts an axis of length 1. Negative axes count from the end of the result. */
export function unsqueeze(x: Node, axis: number): Node {
  const at = axis < 0 ? axis + x.shape.length + 1 : axis;
  if (!(at >= 0 && at <= x.shape.length))
    throw badInput(`unsqueeze: axis must be in [${-x.shape.length - 1}, ${x.shape.length}], got ${axis}`);
  return reshape(x, x.shape.toSpliced(at, 0, 1));
}

export function transpose(x: Node, permutation: readonly number[]): Node {
  return makeNode('transpose', [x], { permutation: [...permutation] });
}

export function broadcastTo(x: Node, shape: Shape): Node {
  return makeNode('broadcastTo', [x], { shape: shape.map((dim) => dimProduct([dim])) });
}

/** `shape` filled with one value. */
export function fill(value: number, shape: Shape): Node {
  return broadcastTo(scalar(value), shape);
}

export interface SliceOptions {
  /** Negative axes count from the end. */
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

export function slice(x: Node, { axis, start, end }: SliceOptions): Node {
  return makeNode('slice', [x], { axis: axis < 0 ? axis + x.shape.length : axis, start, end });
}

/** Zeros before and after x along one axis. */
export function pad(x: Node, { axis, before, after }: { axis: number; before: number; after: number }): Node {
  return makeNode('pad', [x], { axis: axis < 0 ? axis + x.shape.length : axis, before, after });
}

export function concat(inputs: readonly Node[], axis: number): Node {
  return makeNode('concat', inputs, { axis: axis < 0 ? axis + (inputs[0]?.shape.length ?? 0) : axis });
}

export function gather(x: Node, index: Node): Node {
  return makeNode('gather', [x, index], EMPTY);
}

export function scatterAdd(updates: Node, index: Node, rows: Dim): Node {
  return makeNode('scatterAdd', [updates, index], { rows });
}

export function permuteRows(x: Node, index: Node, inverse: Node): Node {
  return makeNode('permuteRows', [x, index, inverse], EMPTY);
}

export function putRows(x: Node, updates: Node, at: Node): Node {
  return makeNode('putRows', [x, updates, at], EMPTY);
}

export function takeAlong(x: Node, index: Node): Node {
  return makeNode('takeAlong', [x, index], EMPTY);
}

export function scatterAddAlong(updates: Node, index: Node, size: Dim): Node {
  return makeNode('scatterAddAlong', [updates, index], { size });
}

export function rope(x: Node, cosine: Node, sine: Node): Node {
  return makeNode('rope', [x, cosine, sine], EMPTY);
}

export function logSumExpMatmul(h: Node, e: Node): Node {
  return makeNode('logSumExpMatmul', [h, e], EMPTY);
}

export function softmaxMatmul(h: Node, e: Node): Node {
  return makeNode('softmaxMatmul', [h, e], EMPTY);
}

export function softmaxOuter(h: Node, e: Node, weight: Node): Node {
  return makeNode('softmaxOuter', [h, e, weight], EMPTY);
}
