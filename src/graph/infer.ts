import { badInput, type DType } from '../core/index.ts';
import { broadcastShapes, dimProduct, formatShape, sameShape, type Dim, type Shape } from './dim.ts';
import {
  BINARY_KINDS,
  BLOCK_WIDTH,
  COMPARE_KINDS,
  UNARY_KINDS,
  type Node,
  type NodeAttributes,
  type NodeKind,
  type WeightStorage,
} from './node.ts';

/** What the inference of a node gives. */
export interface Inferred {
  readonly shape: Shape;
  readonly dtype: DType;
}

type InferRules = {
  readonly [K in NodeKind]: (inputs: readonly Node[], attributes: NodeAttributes[K], kind: K) => Inferred;
};

function describe(inputs: readonly Node[]): string {
  return inputs.map((input) => `${input.dtype} ${formatShape(input.shape)}`).join(', ');
}

function fail(kind: NodeKind, rule: string, inputs: readonly Node[]): never {
  throw badInput(`${kind}: ${rule}, got ${describe(inputs) || 'no inputs'}`);
}

function arity(kind: NodeKind, inputs: readonly Node[], count: number): void {
  if (inputs.length !== count) fail(kind, `takes ${count} ${count === 1 ? 'input' : 'inputs'}`, inputs);
}

function expectDType(kind: NodeKind, inputs: readonly Node[], ...dtypes: readonly DType[]): void {
  arity(kind, inputs, dtypes.length);
  if (inputs.some((input, i) => input.dtype !== dtypes[i])) fail(kind, `inputs must be ${dtypes.join(', ')}`, inputs);
}

function broadcast(kind: NodeKind, ...inputs: readonly Node[]): Shape {
  let shape: Shape | undefined = [];
  for (const input of inputs) shape = shape && broadcastShapes(shape, input.shape);
  return shape ?? fail(kind, 'shapes must broadcast together', inputs);
}

function at(inputs: readonly Node[], index: number): Node {
  return inputs[index]!;
}

function needRank(kind: NodeKind, inputs: readonly Node[], least: number): void {
  if (inputs.some((input) => input.shape.length < least)) fail(kind, `inputs must have at least ${least} axes`, inputs);
}

function checkAxis(kind: NodeKind, inputs: readonly Node[], axis: number): Dim {
  const dim = at(inputs, 0).shape[axis];
  return dim ?? fail(kind, `axis ${axis} must exist`, inputs);
}

function knownAxis(kind: NodeKind, inputs: readonly Node[], axis: number): number {
  const dim = checkAxis(kind, inputs, axis);
  return typeof dim === 'number' ? dim : fail(kind, `axis ${axis} must have a known length`, inputs);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function replaced(shape: Shape, axis: number, dim: Dim): Shape {
  return shape.map((old, i) => (i === axis ? dim : old));
}

const unary = (inputs: readonly Node[], _: unknown, kind: NodeKind): Inferred => {
  expectDType(kind, inputs, 'float32');
  return { shape: at(inputs, 0).shape, dtype: 'float32' };
};

function sameNumeric(kind: NodeKind, inputs: readonly Node[]): DType {
  arity(kind, inputs, 2);
  const dtype = at(inputs, 0).dtype;
  if (dtype !== at(inputs, 1).dtype || (dtype !== 'float32' && dtype !== 'int32'))
    fail(kind, 'inputs must both be float32 or both int32', inputs);
  return dtype;
}

const binary = (inputs: readonly Node[], _: unknown, kind: NodeKind): Inferred => {
  const dtype = sameNumeric(kind, inputs);
  return { shape: broadcast(kind, ...inputs), dtype };
};

const compare = (inputs: readonly Node[], _: unknown, kind: NodeKind): Inferred => {
  sameNumeric(kind, inputs);
  return { shape: broadcast(kind, ...inputs), dtype: 'bool' };
};

const logical = (inputs: readonly Node[], _: unknown, kind: NodeKind): Inferred => {
  expectDType(kind, inputs, 'bool', 'bool');
  return { shape: broadcast(kind, ...inputs), dtype: 'bool' };
};

const reduce = (inputs: readonly Node[], { axes, keepDims }: NodeAttributes['reduceSum'], kind: NodeKind): Inferred => {
  expectDType(kind, inputs, 'float32');
  for (const axis of axes) checkAxis(kind, inputs, axis);
  if (axes.some((axis, i) => i > 0 && axis <= axes[i - 1]!))
    fail(kind, `axes ${formatShape(axes)} must be sorted and different`, inputs);
  const { shape } = at(inputs, 0);
  const kept = keepDims
    ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
    : shape.filter((_dim, i) => !axes.includes(i));
  return { shape: kept, dtype: 'float32' };
};

function inferMatmul(inputs: readonly Node[], { transposeA, transposeB }: NodeAttributes['matmul']): Inferred {
  expectDType('matmul', inputs, 'float32', 'float32');
  needRank('matmul', inputs, 2);
  const a = at(inputs, 0).shape;
  const b = at(inputs, 1).shape;
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [k2, n] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (k !== k2) fail('matmul', `inner axes must be equal (${k} and ${k2})`, inputs);
  const lead =
    broadcastShapes(a.slice(0, -2), b.slice(0, -2)) ?? fail('matmul', 'leading axes must broadcast together', inputs);
  return { shape: [...lead, m, n], dtype: 'float32' };
}

const COMPACT: ReadonlySet<DType> = new Set(['float16', 'int8', 'uint8']);

/** Dtype and shape of each part of W [n, columns]. */
const PARTS: Readonly<
  Record<WeightStorage, (n: Dim, columns: number) => readonly { readonly dtype: DType; readonly shape: Shape }[]>
> = {
  float16: (n, columns) => [{ dtype: 'float16', shape: [n, columns] }],
  int8: (n, columns) => [
    { dtype: 'int8', shape: [n, columns] },
    { dtype: 'float32', shape: [n] },
  ],
  int4: (n, columns) => {
    const blocks = Math.ceil(columns / BLOCK_WIDTH);
    return [
      { dtype: 'uint8', shape: [n, blocks, BLOCK_WIDTH / 2] },
      { dtype: 'float32', shape: [n, blocks] },
    ];
  },
};

function inferFrozenMatmul(inputs: readonly Node[], attributes: NodeAttributes['frozenMatmul']): Inferred {
  const { storage, columns, transposeB } = attributes;
  const [x, weight] = inputs;
  const n = weight?.shape[0];
  if (x === undefined || typeof n !== 'number') fail('frozenMatmul', 'takes x and a weight of known shape', inputs);
  const wanted = [{ dtype: 'float32', shape: [x.shape[0]!, transposeB ? columns : n] }, ...PARTS[storage](n, columns)];
  const fits =
    inputs.length === wanted.length &&
    inputs.every((given, i) => given.dtype === wanted[i]!.dtype && sameShape(given.shape, wanted[i]!.shape));
  if (!fits) {
    const list = wanted.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', ');
    fail('frozenMatmul', `inputs in ${storage} must be ${list}`, inputs);
  }
  return { shape: [x.shape[0]!, transposeB ? n : columns], dtype: 'float32' };
}

function inferConcat(inputs: readonly Node[], { axis }: NodeAttributes['concat']): Inferred {
  if (inputs.length === 0) fail('concat', 'takes at least one input', inputs);
  const first = at(inputs, 0);
  let length = 0;
  for (const input of inputs) {
    length += knownAxis('concat', [input], axis);
    const fits =
      input.dtype === first.dtype && sameShape(replaced(input.shape, axis, 0), replaced(first.shape, axis, 0));
    if (!fits) fail('concat', `inputs must agree on every axis but ${axis}`, inputs);
  }
  return { shape: replaced(first.shape, axis, length), dtype: first.dtype };
}

function inferRope(inputs: readonly Node[]): Inferred {
  expectDType('rope', inputs, 'float32', 'float32', 'float32');
  const [x, cosine, sine] = inputs as [Node, Node, Node];
  const width = x.shape.at(-1);
  if (typeof width !== 'number' || width % 2 !== 0)
    fail('rope', 'the last axis of x must have a known even length', inputs);
  const half = [...x.shape.slice(0, -1), width / 2];
  const fits = sameShape(cosine.shape, sine.shape) && sameShape(broadcastShapes(half, cosine.shape) ?? [], half);
  if (!fits) fail('rope', `cosine and sine must have one shape that broadcasts to ${formatShape(half)}`, inputs);
  return { shape: x.shape, dtype: 'float32' };
}

function vocabularyShapes(kind: NodeKind, inputs: readonly Node[]): readonly [Dim, Dim, Dim] {
  const [h, e] = inputs as [Node, Node];
  const fits = h.shape.length === 2 && e.shape.length === 2 && h.shape[1] === e.shape[1];
  if (!fits) fail(kind, 'inputs must be h [c, d] and e [v, d]', inputs);
  return [h.shape[0]!, e.shape[0]!, h.shape[1]!];
}

function inferIndexed(kind: NodeKind, inputs: readonly Node[]): readonly [Node, Node] {
  arity(kind, inputs, 2);
  const [x, index] = inputs as [Node, Node];
  if (index.dtype !== 'int32') fail(kind, 'the index must be int32', inputs);
  return [x, index];
}

function fromEntries<K extends NodeKind>(
  kinds: readonly K[],
  rule: (inputs: readonly Node[], attributes: unknown, kind: NodeKind) => Inferred,
) {
  return Object.fromEntries(kinds.map((kind) => [kind, rule])) as Record<K, typeof rule>;
}

const INFER: InferRules = {
  ...fromEntries(UNARY_KINDS, unary),
  ...fromEntries(BINARY_KINDS, binary),
  ...fromEntries(COMPARE_KINDS, compare),
  input: (_, { shape, dtype }) => ({ shape: shape.map((dim) => dimProduct([dim])), dtype }),
  constant: (_, { value }) => ({ shape: value.shape, dtype: value.dtype }),
  iota: (_, { length }) => ({ shape: [dimProduct([length])], dtype: 'int32' }),
  dimSize: (_, { dim }) => {
    dimProduct([dim]);
    return { shape: [], dtype: 'int32' };
  },
  randomUniform: (inputs, { shape }) => {
    expectDType('randomUniform', inputs, 'int32');
    if (at(inputs, 0).shape.length > 0) fail('randomUniform', 'the seed must be a scalar', inputs);
    return { shape: shape.map((dim) => dimProduct([dim])), dtype: 'float32' };
  },
  and: logical,
  or: logical,
  not: (inputs) => {
    expectDType('not', inputs, 'bool');
    return { shape: at(inputs, 0).shape, dtype: 'bool' };
  },
  where: (inputs) => {
    arity('where', inputs, 3);
    const [condition, x, y] = inputs as [Node, Node, Node];
    if (condition.dtype !== 'bool' || x.dtype !== y.dtype)
      fail('where', 'inputs must be bool, x, and y of the dtype of x', inputs);
    return { shape: broadcast('where', ...inputs), dtype: x.dtype };
  },
  cast: (inputs, { to }) => {
    arity('cast', inputs, 1);
    if (COMPACT.has(at(inputs, 0).dtype)) fail('cast', 'x must be float32, int32 or bool', inputs);
    return { shape: at(inputs, 0).shape, dtype: to };
  },
  stopGradient: (inputs) => {
    arity('stopGradient', inputs, 1);
    return { shape: at(inputs, 0).shape, dtype: at(inputs, 0).dtype };
  },
  reduceSum: reduce,
  reduceMax: reduce,
  softmax: (inputs, attributes, kind) => {
    needRank(kind, inputs, 1);
    return unary(inputs, attributes, kind);
  },
  logSumExp: (inputs) => {
    expectDType('logSumExp', inputs, 'float32');
    needRank('logSumExp', inputs, 1);
    return { shape: at(inputs, 0).shape.slice(0, -1), dtype: 'float32' };
  },
  inverseRms: (inputs) => {
    expectDType('inverseRms', inputs, 'float32');
    needRank('inverseRms', inputs, 1);
    return { shape: [...at(inputs, 0).shape.slice(0, -1), 1], dtype: 'float32' };
  },
  argsort: (inputs) => {
    expectDType('argsort', inputs, 'float32');
    needRank('argsort', inputs, 1);
    return { shape: at(inputs, 0).shape, dtype: 'int32' };
  },
  matmul: inferMatmul,
  frozenMatmul: inferFrozenMatmul,
  reshape: (inputs, { shape }) => {
    arity('reshape', inputs, 1);
    const x = at(inputs, 0);
    if (dimProduct(x.shape) !== dimProduct(shape))
      fail('reshape', `the size must stay the same, ${formatShape(shape)} asked for`, inputs);
    return { shape, dtype: x.dtype };
  },
  transpose: (inputs, { permutation }) => {
    arity('transpose', inputs, 1);
    const x = at(inputs, 0);
    const sorted = permutation.toSorted((a, b) => a - b);
    const valid = sorted.length === x.shape.length && sorted.every((axis, i) => axis === i);
    if (!valid)
      fail('transpose', `the permutation must name every axis once, ${formatShape(permutation)} asked for`, inputs);
    return { shape: permutation.map((axis) => x.shape[axis]!), dtype: x.dtype };
  },
  broadcastTo: (inputs, { shape }) => {
    arity('broadcastTo', inputs, 1);
    const x = at(inputs, 0);
    if (!sameShape(broadcastShapes(x.shape, shape) ?? [-1], shape))
      fail('broadcastTo', `x must broadcast to ${formatShape(shape)}`, inputs);
    return { shape, dtype: x.dtype };
  },
  slice: (inputs, { axis, start, end }) => {
    arity('slice', inputs, 1);
    const length = knownAxis('slice', inputs, axis);
    if (!(isCount(start) && isCount(end) && start <= end && end <= length))
      fail('slice', `range ${start}..${end} of axis ${axis} must lie in it`, inputs);
    return { shape: replaced(at(inputs, 0).shape, axis, end - start), dtype: at(inputs, 0).dtype };
  },
  pad: (inputs, { axis, before, after }) => {
    expectDType('pad', inputs, 'float32');
    const length = knownAxis('pad', inputs, axis);
    if (!isCount(before) || !isCount(after))
      fail('pad', `before and after must be whole numbers of at least 0 (${before}, ${after})`, inputs);
    return { shape: replaced(at(inputs, 0).shape, axis, before + length + after), dtype: 'float32' };
  },
  concat: inferConcat,
  gather: (inputs) => {
    const [x, index] = inferIndexed('gather', inputs);
    needRank('gather', [x], 1);
    return { shape: [...index.shape, ...x.shape.slice(1)], dtype: x.dtype };
  },
  scatterAdd: (inputs, { rows }) => {
    const [updates, index] = inferIndexed('scatterAdd', inputs);
    const leads = sameShape(updates.shape.slice(0, index.shape.length), index.shape);
    if (!leads || updates.dtype !== 'float32')
      fail('scatterAdd', 'inputs must be float32 [...i, ...] and int32 [...i]', inputs);
    return { shape: [dimProduct([rows]), ...updates.shape.slice(index.shape.length)], dtype: 'float32' };
  },
  permuteRows: (inputs) => {
    expectDType('permuteRows', inputs, 'float32', 'int32', 'int32');
    const [x, index, inverse] = inputs as [Node, Node, Node];
    const leads = sameShape(x.shape.slice(0, inverse.shape.length), inverse.shape);
    if (!leads) fail('permuteRows', 'the leading axes of x must be those of the inverse', inputs);
    return { shape: [...index.shape, ...x.shape.slice(inverse.shape.length)], dtype: 'float32' };
  },
  putRows: (inputs) => {
    expectDType('putRows', inputs, 'float32', 'float32', 'int32');
    const [x, updates, places] = inputs as [Node, Node, Node];
    const count = Number(places.shape.at(-1));
    if (!(count >= 1 && count <= x.shape.length))
      fail('putRows', 'the last axis of the places must be as long as x has leading axes', inputs);
    if (!sameShape(updates.shape, [...places.shape.slice(0, -1), ...x.shape.slice(count)]))
      fail('putRows', 'updates must be a row of x for each place', inputs);
    return { shape: x.shape, dtype: 'float32' };
  },
  takeAlong: (inputs) => {
    const [x, index] = inferIndexed('takeAlong', inputs);
    needRank('takeAlong', inputs, 1);
    if (!sameShape(x.shape.slice(0, -1), index.shape.slice(0, -1)))
      fail('takeAlong', 'all axes but the last must be equal', inputs);
    return { shape: index.shape, dtype: x.dtype };
  },
  scatterAddAlong: (inputs, { size }) => {
    const [updates, index] = inferIndexed('scatterAddAlong', inputs);
    needRank('scatterAddAlong', inputs, 1);
    if (!sameShape(updates.shape, index.shape) || updates.dtype !== 'float32')
      fail('scatterAddAlong', 'inputs must be float32 and int32 of one shape', inputs);
    return { shape: [...updates.shape.slice(0, -1), dimProduct([size])], dtype: 'float32' };
  },
  rope: inferRope,
  logSumExpMatmul: (inputs) => {
    expectDType('logSumExpMatmul', inputs, 'float32', 'float32');
    return { shape: [vocabularyShapes('logSumExpMatmul', inputs)[0]], dtype: 'float32' };
  },
  softmaxMatmul: (inputs) => {
    expectDType('softmaxMatmul', inputs, 'float32', 'float32');
    const [c, , d] = vocabularyShapes('softmaxMatmul', inputs);
    return { shape: [c, d], dtype: 'float32' };
  },
  softmaxOuter: (inputs) => {
    expectDType('softmaxOuter', inputs, 'float32', 'float32', 'float32');
    const [c, v, d] = vocabularyShapes('softmaxOuter', inputs);
    if (!sameShape(at(inputs, 2).shape, [c])) fail('softmaxOuter', 'the weight must be [c]', inputs);
    return { shape: [v, d], dtype: 'float32' };
  },
};

/** Shape and dtype of a node. Throws bad-input naming the operation and the shapes it got. */
export function infer<K extends NodeKind>(kind: K, inputs: readonly Node[], attributes: NodeAttributes[K]): Inferred {
  return INFER[kind](inputs, attributes, kind);
}
