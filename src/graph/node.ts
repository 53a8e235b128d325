import type { ComputeDType, DType, HostTensor } from '../core/index.ts';
import type { Dim, Shape } from './dim.ts';

/** Element by element on float32; the formula of each stands beside its function in operations.ts. */
export const UNARY_KINDS = [
  'neg',
  'exp',
  'expm1',
  'log',
  'log1p',
  'log1mexp',
  'sqrt',
  'abs',
  'sign',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'logSigmoid',
  'silu',
] as const;

/**
 * Element by element with NumPy's broadcasting; both sides of one dtype, float32 or int32. int32 wraps around modulo 2^32,
 * and its division truncates toward 0.
 */
export const BINARY_KINDS = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum'] as const;

/** Element by element with broadcasting; float32 or int32 in, bool out. */
export const COMPARE_KINDS = ['equal', 'less', 'lessEqual'] as const;

export type UnaryKind = (typeof UNARY_KINDS)[number];
export type BinaryKind = (typeof BINARY_KINDS)[number];
export type CompareKind = (typeof COMPARE_KINDS)[number];

type None = Readonly<Record<never, never>>;

/**
 * How a frozen matrix W [n, k] is kept, and the inputs that hold it:
 *
 * - float16: W float16 [n, k].
 * - int8: q int8 [n, k], scale [n]; W_ij = scale_i q_ij.
 * - int4: q uint8 [n, b, BLOCK_WIDTH / 2], scale [n, b] with b = ceil(k / BLOCK_WIDTH); the byte of columns 2j and 2j + 1 of a
 *   block has the even one in its low four bits, and W is scale (bits - 8). Columns from k on do not count.
 */
export type WeightStorage = 'float16' | 'int8' | 'int4';

/** Columns of an int4 matrix that share a scale. */
export const BLOCK_WIDTH = 32;

export interface FrozenMatmulAttributes {
  readonly storage: WeightStorage;
  /** k */
  readonly columns: number;
  readonly transposeB: boolean;
  /** int4: x may be rounded to 8 bits in blocks of BLOCK_WIDTH, as int8 rounds its rows. Default: it is not. */
  readonly isRounded?: true;
  /** int8: rows of x are rounded to 16 bits instead of 8, for twice the products. Gradients are rounded to 8 all the same. */
  readonly isFine?: true;
}

/**
 * Every node kind and its attributes. The tables of rules (infer, interpret, gradient, lower) are full records over these
 * keys, so a new kind fails to compile until each has it.
 *
 * In the comments x, y are float32 unless said otherwise; axes count from 0 and are never negative.
 */
export interface NodeAttributes extends Record<UnaryKind | BinaryKind | CompareKind, None> {
  /** A value given at run time under a unique name. */
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  /** A value known when the graph is built; small (masks, scalars, tables), never a weight. */
  constant: { readonly value: HostTensor };
  /** int32 [length]: 0, 1, ..., length-1. */
  iota: { readonly length: Dim };
  /** int32 scalar: the value of a dimension. */
  dimSize: { readonly dim: Dim };
  /**
   * (seed: int32 scalar) -> float32 `shape`, uniform in [0, 1), a pure function of seed and position: word i is
   * mix(i, seed), 24 bits kept (randomWord in random-word.ts).
   */
  randomUniform: { readonly shape: Shape };

  /** (a, b: bool) -> bool. */
  and: None;
  or: None;
  /** (a: bool) -> bool. */
  not: None;
  /** (condition: bool, x, y) -> condition ? x : y, broadcast. The side not taken may hold NaN. */
  where: None;
  /** (x: any) -> x in another dtype; to int32 truncates, to bool is x != 0. */
  cast: { readonly to: ComputeDType };
  /** (x) -> x; no gradient passes. */
  stopGradient: None;

  /** (x) -> sum over axes, in sorted order. keepDims leaves them as 1. */
  reduceSum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  reduceMax: { readonly axes: readonly number[]; readonly keepDims: boolean };
  /** (x [..., n]) -> [..., n]: exp(x - max) / sum exp(x - max) over the last axis. */
  softmax: None;
  /** (x [..., n]) -> [...]: max + log sum exp(x - max) over the last axis; finite for any finite x. */
  logSumExp: None;
  /** (x [..., n]) -> [..., 1]: 1 / sqrt(mean(x^2) + epsilon) over the last axis. */
  inverseRms: { readonly epsilon: number };
  /** (x [..., n]) -> int32 [..., n]: the stable order that sorts the last axis, ascending. */
  argsort: None;

  /**
   * (a [..., m, k], b [..., k, n]) -> [..., m, n] = scale * op(a) op(b), op transposing the last two axes when the flag
   * is set. Leading axes broadcast.
   */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly scale: number };

  /**
   * (x [m, k], stored parts of W [n, k]) -> x W^T [m, n] with `transposeB`; (x [m, n], ...) -> x W [m, k] without.
   * W is frozen: gradients flow to x alone. How W stands in its parts: see WeightStorage.
   */
  frozenMatmul: FrozenMatmulAttributes;

  /** (x) -> the same elements in another shape of equal size. */
  reshape: { readonly shape: Shape };
  /** (x) -> axes reordered: result axis i is x's axis permutation[i]. */
  transpose: { readonly permutation: readonly number[] };
  /** (x) -> x repeated to `shape` by broadcasting. */
  broadcastTo: { readonly shape: Shape };
  /** (x) -> elements start, ..., end-1 of an axis of known length. */
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** (x) -> zeros before and after x along an axis of known length. */
  pad: { readonly axis: number; readonly before: number; readonly after: number };
  /** (x, y, ...) -> side by side along an axis whose lengths are all known. */
  concat: { readonly axis: number };

  /** (x [n, ...], index: int32 [...i]) -> [...i, ...]: x[index], any dtype. Every index is in [0, n). */
  gather: None;
  /** (updates [...i, ...], index: int32 [...i]) -> [rows, ...]: zeros with updates added at index. The adjoint of gather. */
  scatterAdd: { readonly rows: Dim };
  /**
   * (x [n, ...], index: int32 [...i], inverse: int32 [...j]) -> [...i, ...]: x's rows (leading axes of `inverse` count as
   * one) at index, zeros where index is -1. index and inverse are partial permutations, each the other's inverse:
   * inverse[index[p]] = p, and inverse is -1 where nothing takes the row. So it is its own adjoint with the two swapped.
   */
  permuteRows: None;
  /**
   * (x [...n, ...], updates [...m, ...], at: int32 [...m, k]) -> x with the row at coordinates at[p] (k of them, for the k leading
   * axes n) replaced by updates[p]. No two places are the same.
   */
  putRows: None;
  /** (x [..., n], index: int32 [..., k]) -> [..., k]: x[..., index[..., j]] along the last axis. */
  takeAlong: None;
  /** (updates [..., k], index: int32 [..., k]) -> [..., size]: zeros with updates added along the last axis. The adjoint of takeAlong. */
  scatterAddAlong: { readonly size: Dim };

  /**
   * (x [..., d], cosine [..., d/2], sine [..., d/2]) -> rotary position embedding in half-split order:
   * [x1 cos - x2 sin, x2 cos + x1 sin] with x1, x2 the halves of the last axis; cosine and sine broadcast over x's
   * leading axes. Source: Su et al. 2021 (RoFormer), in the layout of Transformers' Llama.
   */
  rope: None;

  /**
   * Reductions over a vocabulary whose scores z = h e^T [c, v] are too large to hold; computed in chunks of rows.
   * (h [c, d], e [v, d]) -> [c]: logSumExp over v of z.
   */
  logSumExpMatmul: None;
  /** (h [c, d], e [v, d]) -> [c, d]: softmax(z) e. The gradient of logSumExpMatmul with respect to h. */
  softmaxMatmul: None;
  /** (h [c, d], e [v, d], weight [c]) -> [v, d]: sum over c of weight_c softmax(z)_c (outer) h_c. The gradient with respect to e. */
  softmaxOuter: None;
}

export type NodeKind = keyof NodeAttributes;

export type NodeOf<K extends NodeKind> = K extends NodeKind
  ? {
      readonly kind: K;
      readonly inputs: readonly Node[];
      readonly attributes: NodeAttributes[K];
      readonly shape: Shape;
      readonly dtype: DType;
    }
  : never;

/** One value of a graph: immutable, made only by the functions of operations.ts, which infer and check its shape and dtype. */
export type Node = NodeOf<NodeKind>;

/** A full table of rules over the node kinds. */
export type NodeRules<Result, Arguments extends readonly unknown[] = []> = {
  readonly [K in NodeKind]: (node: NodeOf<K>, ...rest: Arguments) => Result;
};

/** Looks up and applies the rule for a node's own kind. */
export function applyRule<Result, Arguments extends readonly unknown[]>(
  rules: NodeRules<Result, Arguments>,
  node: Node,
  ...rest: Arguments
): Result {
  const rule = rules[node.kind] as (node: Node, ...rest: Arguments) => Result;
  return rule(node, ...rest);
}
