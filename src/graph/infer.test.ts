import { describe, expect, test } from 'vitest';
import { float32Tensor, hostTensor, type DType } from '../core/index.ts';
import { NODE_CASES } from '../../test/support/node-cases.ts';
import * as g from './index.ts';
import type { Node, NodeKind } from './node.ts';
import type { Shape } from './dim.ts';

/** A construction that must fail, and the whole message. */
type Failure = readonly [make: () => Node, message: string];

const node = (shape: Shape, dtype: DType = 'float32'): Node => g.input('x', shape, dtype);
const x = node(['T', 4]);
const i = node(['T'], 'int32');
const b = node(['T'], 'bool');

function unaryFailures(kind: g.UnaryKind): readonly Failure[] {
  return [
    [() => g[kind](i), `${kind}: inputs must be float32, got int32 [T]`],
    [() => g.makeNode(kind, [x, x], {}), `${kind}: takes 1 input, got float32 [T, 4], float32 [T, 4]`],
  ];
}

function pairFailures(kind: g.BinaryKind | g.CompareKind): readonly Failure[] {
  const mixed = `${kind}: inputs must both be float32 or both int32, got`;
  return [
    [() => g[kind](x, node(['S', 4])), `${kind}: shapes must broadcast together, got float32 [T, 4], float32 [S, 4]`],
    [() => g[kind](node([2]), node([3])), `${kind}: shapes must broadcast together, got float32 [2], float32 [3]`],
    [() => g[kind](node(['T']), i), `${mixed} float32 [T], int32 [T]`],
    [() => g[kind](b, b), `${mixed} bool [T], bool [T]`],
    [() => g.makeNode(kind, [x], {}), `${kind}: takes 2 inputs, got float32 [T, 4]`],
    [
      () => g[kind](i, 0.5),
      'scalar: an int32 must be a whole number of 32 bits, got 0.5; cast the other operand to float32',
    ],
  ];
}

function logicalFailures(kind: 'and' | 'or'): readonly Failure[] {
  return [
    [() => g[kind](b, i), `${kind}: inputs must be bool, bool, got bool [T], int32 [T]`],
    [() => g[kind](b, node([2], 'bool')), `${kind}: shapes must broadcast together, got bool [T], bool [2]`],
  ];
}

function reduceFailures(kind: 'reduceSum' | 'reduceMax'): readonly Failure[] {
  return [
    [() => g[kind](i), `${kind}: inputs must be float32, got int32 [T]`],
    [() => g[kind](x, { axes: [2] }), `${kind}: axis 2 must exist, got float32 [T, 4]`],
    [() => g[kind](x, { axes: [1, -1] }), `${kind}: axes [1, 1] must be sorted and different, got float32 [T, 4]`],
    [
      () => g.makeNode(kind, [x], { axes: [1, 0], keepDims: false }),
      `${kind}: axes [1, 0] must be sorted and different, got float32 [T, 4]`,
    ],
    [() => g.makeNode(kind, [x], { axes: [-1], keepDims: false }), `${kind}: axis -1 must exist, got float32 [T, 4]`],
  ];
}

function lastAxisFailures(kind: 'softmax' | 'logSumExp' | 'argsort'): readonly Failure[] {
  return [
    [() => g[kind](i), `${kind}: inputs must be float32, got int32 [T]`],
    [() => g[kind](node([])), `${kind}: inputs must have at least 1 axes, got float32 []`],
  ];
}

const h = node(['C', 4]);
const e = node([100, 4]);

const FAILURES = {
  input: [
    [() => g.input('x', [-1]), 'dimension: must be a whole number of at least 0, got -1'],
    [() => g.input('x', ['T-1']), 'dimension: must be a product of symbols and numbers such as "B*S", got "T-1"'],
  ],
  constant: [[() => g.constant(float32Tensor([2], [1])), 'hostTensor: data must hold 2 elements for shape [2], got 1']],
  iota: [[() => g.iota(-2), 'dimension: must be a whole number of at least 0, got -2']],
  dimSize: [[() => g.dimSize('T/2'), 'dimension: must be a product of symbols and numbers such as "B*S", got "T/2"']],
  randomUniform: [
    [() => g.randomUniform(node([]), [2]), 'randomUniform: inputs must be int32, got float32 []'],
    [() => g.randomUniform(i, [2]), 'randomUniform: the seed must be a scalar, got int32 [T]'],
  ],
  neg: unaryFailures('neg'),
  exp: unaryFailures('exp'),
  expm1: unaryFailures('expm1'),
  log: unaryFailures('log'),
  log1p: unaryFailures('log1p'),
  log1mexp: unaryFailures('log1mexp'),
  sqrt: unaryFailures('sqrt'),
  abs: unaryFailures('abs'),
  sign: unaryFailures('sign'),
  sin: unaryFailures('sin'),
  cos: unaryFailures('cos'),
  tanh: unaryFailures('tanh'),
  sigmoid: unaryFailures('sigmoid'),
  logSigmoid: unaryFailures('logSigmoid'),
  silu: unaryFailures('silu'),
  add: pairFailures('add'),
  sub: pairFailures('sub'),
  mul: pairFailures('mul'),
  div: pairFailures('div'),
  maximum: pairFailures('maximum'),
  minimum: pairFailures('minimum'),
  equal: pairFailures('equal'),
  less: pairFailures('less'),
  lessEqual: pairFailures('lessEqual'),
  and: logicalFailures('and'),
  or: logicalFailures('or'),
  not: [[() => g.not(x), 'not: inputs must be bool, got float32 [T, 4]']],
  where: [
    [
      () => g.where(i, 1, 2),
      'where: inputs must be bool, x, and y of the dtype of x, got int32 [T], float32 [], float32 []',
    ],
    [
      () => g.where(b, x, i),
      'where: inputs must be bool, x, and y of the dtype of x, got bool [T], float32 [T, 4], int32 [T]',
    ],
    [() => g.where(b, x, 0), 'where: shapes must broadcast together, got bool [T], float32 [T, 4], float32 []'],
    [() => g.makeNode('where', [b], {}), 'where: takes 3 inputs, got bool [T]'],
  ],
  cast: [[() => g.makeNode('cast', [], { to: 'int32' }), 'cast: takes 1 input, got no inputs']],
  stopGradient: [[() => g.makeNode('stopGradient', [], {}), 'stopGradient: takes 1 input, got no inputs']],
  reduceSum: reduceFailures('reduceSum'),
  reduceMax: reduceFailures('reduceMax'),
  softmax: lastAxisFailures('softmax'),
  logSumExp: lastAxisFailures('logSumExp'),
  inverseRms: [
    [() => g.inverseRms(i, 1e-5), 'inverseRms: inputs must be float32, got int32 [T]'],
    [() => g.inverseRms(node([]), 1e-5), 'inverseRms: inputs must have at least 1 axes, got float32 []'],
  ],
  argsort: lastAxisFailures('argsort'),
  matmul: [
    [() => g.matmul(x, node([3, 2])), 'matmul: inner axes must be equal (4 and 3), got float32 [T, 4], float32 [3, 2]'],
    [
      () => g.matmul(x, x, { transposeA: true, transposeB: true }),
      'matmul: inner axes must be equal (T and 4), got float32 [T, 4], float32 [T, 4]',
    ],
    [() => g.matmul(node([4]), x), 'matmul: inputs must have at least 2 axes, got float32 [4], float32 [T, 4]'],
    [
      () => g.matmul(node(['B', 2, 2]), node([3, 2, 2])),
      'matmul: leading axes must broadcast together, got float32 [B, 2, 2], float32 [3, 2, 2]',
    ],
    [() => g.matmul(i, x), 'matmul: inputs must be float32, float32, got int32 [T], float32 [T, 4]'],
  ],
  reshape: [
    [() => g.reshape(x, ['T', 2]), 'reshape: the size must stay the same, [T, 2] asked for, got float32 [T, 4]'],
    [() => g.reshape(x, ['4*S']), 'reshape: the size must stay the same, [4*S] asked for, got float32 [T, 4]'],
  ],
  transpose: [
    [
      () => g.transpose(x, [0]),
      'transpose: the permutation must name every axis once, [0] asked for, got float32 [T, 4]',
    ],
    [
      () => g.transpose(x, [1, 1]),
      'transpose: the permutation must name every axis once, [1, 1] asked for, got float32 [T, 4]',
    ],
  ],
  broadcastTo: [
    [() => g.broadcastTo(x, ['T', 1]), 'broadcastTo: x must broadcast to [T, 1], got float32 [T, 4]'],
    [() => g.broadcastTo(x, [4]), 'broadcastTo: x must broadcast to [4], got float32 [T, 4]'],
    [() => g.broadcastTo(x, ['S', 4]), 'broadcastTo: x must broadcast to [S, 4], got float32 [T, 4]'],
  ],
  slice: [
    [() => g.slice(x, { axis: 0, start: 0, end: 1 }), 'slice: axis 0 must have a known length, got float32 [T, 4]'],
    [() => g.slice(x, { axis: 1, start: 2, end: 5 }), 'slice: range 2..5 of axis 1 must lie in it, got float32 [T, 4]'],
    [() => g.slice(x, { axis: 1, start: 3, end: 2 }), 'slice: range 3..2 of axis 1 must lie in it, got float32 [T, 4]'],
    [
      () => g.slice(x, { axis: 1, start: -1, end: 2 }),
      'slice: range -1..2 of axis 1 must lie in it, got float32 [T, 4]',
    ],
    [
      () => g.slice(x, { axis: 1, start: 0.5, end: 2 }),
      'slice: range 0.5..2 of axis 1 must lie in it, got float32 [T, 4]',
    ],
    [() => g.slice(x, { axis: 2, start: 0, end: 0 }), 'slice: axis 2 must exist, got float32 [T, 4]'],
  ],
  pad: [
    [() => g.pad(x, { axis: 0, before: 1, after: 0 }), 'pad: axis 0 must have a known length, got float32 [T, 4]'],
    [
      () => g.pad(x, { axis: 1, before: -1, after: 0 }),
      'pad: before and after must be whole numbers of at least 0 (-1, 0), got float32 [T, 4]',
    ],
    [() => g.pad(i, { axis: 0, before: 1, after: 0 }), 'pad: inputs must be float32, got int32 [T]'],
  ],
  concat: [
    [() => g.concat([], 0), 'concat: takes at least one input, got no inputs'],
    [() => g.concat([x, x], 0), 'concat: axis 0 must have a known length, got float32 [T, 4]'],
    [
      () => g.concat([x, node(['S', 1])], 1),
      'concat: inputs must agree on every axis but 1, got float32 [T, 4], float32 [S, 1]',
    ],
    [
      () => g.concat([node([2]), node([2], 'int32')], 0),
      'concat: inputs must agree on every axis but 0, got float32 [2], int32 [2]',
    ],
  ],
  frozenMatmul: [
    [
      () => g.frozenMatmul(x, [node([3, 4], 'int8')], { storage: 'int8', columns: 4, transposeB: true }),
      'frozenMatmul: inputs in int8 must be float32 [T, 4], int8 [3, 4], float32 [3], got float32 [T, 4], int8 [3, 4]',
    ],
    [
      () => g.frozenMatmul(x, [node([4, 6], 'float16')], { storage: 'float16', columns: 4, transposeB: false }),
      'frozenMatmul: inputs in float16 must be float32 [T, 4], float16 [4, 4], got float32 [T, 4], float16 [4, 6]',
    ],
    [
      () =>
        g.frozenMatmul(x, [node([3, 1, 2], 'uint8'), node([3, 1])], { storage: 'int4', columns: 4, transposeB: true }),
      'frozenMatmul: inputs in int4 must be float32 [T, 4], uint8 [3, 1, 16], float32 [3, 1], got float32 [T, 4], uint8 [3, 1, 2], float32 [3, 1]',
    ],
    [
      () => g.frozenMatmul(x, [], { storage: 'int8', columns: 4, transposeB: true }),
      'frozenMatmul: takes x and a weight of known shape, got float32 [T, 4]',
    ],
  ],
  gather: [
    [() => g.gather(x, x), 'gather: the index must be int32, got float32 [T, 4], float32 [T, 4]'],
    [() => g.gather(node([]), i), 'gather: inputs must have at least 1 axes, got float32 []'],
  ],
  scatterAdd: [
    [
      () => g.scatterAdd(node(['S', 2]), i, 3),
      'scatterAdd: inputs must be float32 [...i, ...] and int32 [...i], got float32 [S, 2], int32 [T]',
    ],
    [
      () => g.scatterAdd(i, i, 3),
      'scatterAdd: inputs must be float32 [...i, ...] and int32 [...i], got int32 [T], int32 [T]',
    ],
    [() => g.scatterAdd(x, x, 3), 'scatterAdd: the index must be int32, got float32 [T, 4], float32 [T, 4]'],
  ],
  permuteRows: [
    [
      () => g.permuteRows(x, i, node(['S'], 'int32')),
      'permuteRows: the leading axes of x must be those of the inverse, got float32 [T, 4], int32 [T], int32 [S]',
    ],
    [
      () => g.permuteRows(x, x, i),
      'permuteRows: inputs must be float32, int32, int32, got float32 [T, 4], float32 [T, 4], int32 [T]',
    ],
  ],
  putRows: [
    [
      () => g.putRows(x, x, node(['T', 3], 'int32')),
      'putRows: the last axis of the places must be as long as x has leading axes, got float32 [T, 4], float32 [T, 4], int32 [T, 3]',
    ],
    [
      () => g.putRows(x, x, node(['S', 1], 'int32')),
      'putRows: updates must be a row of x for each place, got float32 [T, 4], float32 [T, 4], int32 [S, 1]',
    ],
    [
      () => g.putRows(x, x, x),
      'putRows: inputs must be float32, float32, int32, got float32 [T, 4], float32 [T, 4], float32 [T, 4]',
    ],
  ],
  takeAlong: [
    [
      () => g.takeAlong(x, node(['S', 1], 'int32')),
      'takeAlong: all axes but the last must be equal, got float32 [T, 4], int32 [S, 1]',
    ],
    [
      () => g.takeAlong(node([]), node([], 'int32')),
      'takeAlong: inputs must have at least 1 axes, got float32 [], int32 []',
    ],
    [() => g.takeAlong(x, x), 'takeAlong: the index must be int32, got float32 [T, 4], float32 [T, 4]'],
  ],
  scatterAddAlong: [
    [
      () => g.scatterAddAlong(x, i, 3),
      'scatterAddAlong: inputs must be float32 and int32 of one shape, got float32 [T, 4], int32 [T]',
    ],
    [
      () => g.scatterAddAlong(i, i, 3),
      'scatterAddAlong: inputs must be float32 and int32 of one shape, got int32 [T], int32 [T]',
    ],
    [
      () => g.scatterAddAlong(node([]), node([], 'int32'), 3),
      'scatterAddAlong: inputs must have at least 1 axes, got float32 [], int32 []',
    ],
  ],
  rope: [
    [
      () => g.rope(node(['T', 3]), x, x),
      'rope: the last axis of x must have a known even length, got float32 [T, 3], float32 [T, 4], float32 [T, 4]',
    ],
    [
      () => g.rope(x, node(['T', 2]), node(['T', 1])),
      'rope: cosine and sine must have one shape that broadcasts to [T, 2], got float32 [T, 4], float32 [T, 2], float32 [T, 1]',
    ],
    [
      () => g.rope(x, x, x),
      'rope: cosine and sine must have one shape that broadcasts to [T, 2], got float32 [T, 4], float32 [T, 4], float32 [T, 4]',
    ],
  ],
  logSumExpMatmul: [
    [
      () => g.logSumExpMatmul(h, node([100, 3])),
      'logSumExpMatmul: inputs must be h [c, d] and e [v, d], got float32 [C, 4], float32 [100, 3]',
    ],
    [
      () => g.logSumExpMatmul(node([2, 3, 4]), e),
      'logSumExpMatmul: inputs must be h [c, d] and e [v, d], got float32 [2, 3, 4], float32 [100, 4]',
    ],
  ],
  softmaxMatmul: [
    [
      () => g.softmaxMatmul(h, node([4])),
      'softmaxMatmul: inputs must be h [c, d] and e [v, d], got float32 [C, 4], float32 [4]',
    ],
  ],
  softmaxOuter: [
    [
      () => g.softmaxOuter(h, e, node([2])),
      'softmaxOuter: the weight must be [c], got float32 [C, 4], float32 [100, 4], float32 [2]',
    ],
    [
      () => g.softmaxOuter(h, x, i),
      'softmaxOuter: inputs must be float32, float32, float32, got float32 [C, 4], float32 [T, 4], int32 [T]',
    ],
  ],
} satisfies Record<NodeKind, readonly Failure[]>;

describe.each(Object.entries<readonly Failure[]>(FAILURES))('%s', (_kind, failures) => {
  test.each(failures.map(([make, message]) => [message, make] as const))('%s', (message, make) => {
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'PreftuneError', code: 'bad-input', message });
  });
});

test('shapes and dtypes that are inferred, a line for each case', () => {
  const lines = Object.entries(NODE_CASES).map(([kind, cases]) => {
    const made = cases.map(({ build }) => g.graphNodes(build().graph).findLast((some) => some.kind === kind)!);
    return `${kind}: ${made.map(({ dtype, shape }) => `${dtype} ${g.formatShape(shape)}`).join(', ')}`;
  });
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "input: float32 [], float32 [B, T], int32 [S], bool [S]
    constant: float32 [], float32 [2, 2], int32 [3], bool [3], float32 [0, 3]
    iota: int32 [4], int32 [T], int32 [B*T], int32 [Z]
    dimSize: int32 [], int32 [], int32 []
    randomUniform: float32 [], float32 [T, 3], float32 [3, 5], float32 [64]
    neg: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [3]
    exp: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [7]
    expm1: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [8]
    log: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [5]
    log1p: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [6]
    log1mexp: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [7]
    sqrt: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [5]
    abs: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [5]
    sign: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [5]
    sin: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [5]
    cos: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [5]
    tanh: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [6]
    sigmoid: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [6]
    logSigmoid: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [8]
    silu: float32 [], float32 [T, 3], float32 [B, 1, S, 2], float32 [Z, 2], float32 [7]
    add: float32 [], float32 [B, T], float32 [T, 2], float32 [T, 3], float32 [T, S], float32 [B, 4, S, 2], float32 [T], float32 [T], float32 [Z, 2], int32 [T], int32 [S], int32 [2]
    sub: float32 [], float32 [B, T], float32 [T, 2], float32 [T, 3], float32 [T, S], float32 [B, 4, S, 2], float32 [T], float32 [T], float32 [Z, 2], int32 [T], int32 [S]
    mul: float32 [], float32 [B, T], float32 [T, 2], float32 [T, 3], float32 [T, S], float32 [B, 4, S, 2], float32 [T], float32 [T], float32 [Z, 2], int32 [T], int32 [S], int32 [3]
    div: float32 [], float32 [B, T], float32 [T, 2], float32 [T, 3], float32 [T, S], float32 [B, 4, S, 2], float32 [T], float32 [T], float32 [Z, 2], int32 [T], int32 [S]
    maximum: float32 [], float32 [B, T], float32 [T, 2], float32 [T, 3], float32 [T, S], float32 [B, 4, S, 2], float32 [T], float32 [T], float32 [Z, 2], int32 [T], int32 [S], float32 [3]
    minimum: float32 [], float32 [B, T], float32 [T, 2], float32 [T, 3], float32 [T, S], float32 [B, 4, S, 2], float32 [T], float32 [T], float32 [Z, 2], int32 [T], int32 [S], float32 [3]
    equal: bool [], bool [T], bool [T, S], bool [B, 4, S, 2], bool [Z], bool [3]
    less: bool [], bool [T], bool [T, S], bool [B, 4, S, 2], bool [Z], bool [3]
    lessEqual: bool [], bool [T], bool [T, S], bool [B, 4, S, 2], bool [Z], bool [3]
    and: bool [4], bool [S, B], bool [1, B, 2]
    or: bool [4], bool [S, B], bool [1, B, 2]
    not: bool [], bool [B, 2]
    where: float32 [T], float32 [T, S], float32 [2, 3, 2], float32 [4], float32 [T, S], int32 [S], bool [2]
    cast: int32 [T], bool [T], float32 [2, B], bool [S], float32 [2], int32 []
    stopGradient: float32 [T, 2], bool [2]
    reduceSum: float32 [], float32 [], float32 [3], float32 [T, 1], float32 [B, S], float32 [1, 1, S, 1], float32 [2, S], float32 [Z], float32 [3]
    reduceMax: float32 [], float32 [], float32 [3], float32 [T, 1], float32 [B, S], float32 [1, 1, S, 1], float32 [2, S], float32 [Z], float32 [2]
    softmax: float32 [4], float32 [T, 1], float32 [B, T], float32 [B, 1, S, 3], float32 [T, 3], float32 [Z, 3]
    logSumExp: float32 [], float32 [T], float32 [B], float32 [B, 1, S], float32 [T], float32 [Z]
    inverseRms: float32 [1], float32 [B, T, 1], float32 [2, 1], float32 [2, 1], float32 [T, 1]
    argsort: int32 [7], int32 [2, 6], int32 [B, 2, T], int32 [T, 1], int32 [T]
    matmul: float32 [2, 4], float32 [T, 2], float32 [T, 2], float32 [T, 2], float32 [2, 4], float32 [B, T, 2], float32 [B, T, 2], float32 [B, T, 2], float32 [B, T, 2], float32 [B, 2, T, S], float32 [2, S, T, 2], float32 [B, 2, 2], float32 [B, 2, 3, T, S], float32 [T, 3], float32 [1, 1], float32 [Z, 2], float32 [2, 3], float32 [T, T]
    frozenMatmul: float32 [T, 4], float32 [T, 6], float32 [T, 4], float32 [T, 6], float32 [2, 4], float32 [Z, 4], float32 [T, 5], float32 [T, 64], float32 [T, 5], float32 [T, 52]
    reshape: float32 [B*T, 2], float32 [B, T, 2, 3], float32 [T, B, 1], float32 [], float32 [1, 1, 1, 1], float32 [Z, 2, 2], int32 [3, 2], bool [2*B]
    transpose: float32 [3, T], float32 [B, 2, T, 3], float32 [T, 2, 3], float32 [2, S, 3, B], float32 [], int32 [3, 2]
    broadcastTo: float32 [2, 3], float32 [T, 3], float32 [2, B, 4, 2], float32 [T], float32 [Z, 2], int32 [2, 3], bool [4]
    slice: float32 [3], float32 [T, 4], float32 [B, 1, 2], float32 [3, T], float32 [0, T], int32 [2]
    pad: float32 [6], float32 [T, 5], float32 [B, 3, 2], float32 [T, 2], float32 [2, 2]
    concat: float32 [2], float32 [5], float32 [T, 6], float32 [B, 5, 2], float32 [2], int32 [3], bool [3]
    gather: float32 [S, 3], float32 [B, T, 2], float32 [2], float32 [2, 2], float32 [Z, 2], int32 [4], bool [2]
    scatterAdd: float32 [6, 2], float32 [T, 2], float32 [2, 3], float32 [3], float32 [3, 2]
    permuteRows: float32 [S, 2, 2], float32 [4, 2], float32 [S], float32 [3, 2]
    putRows: float32 [T, 2], float32 [B, 2, T, 3], float32 [2, T], float32 [T, 2]
    takeAlong: float32 [T, 1], float32 [2, 4], float32 [2], float32 [B, 2, T], float32 [Z, 1], float32 [B, T], int32 [2, 1]
    scatterAddAlong: float32 [2, 3], float32 [B, T], float32 [2], float32 [B, 2, 3]
    rope: float32 [T, 4], float32 [B, 2, T, 6], float32 [B, 2, T, 2]
    logSumExpMatmul: float32 [5], float32 [30*B*T], float32 [1], float32 [T], float32 [Z]
    softmaxMatmul: float32 [5, 4], float32 [300, 3], float32 [S, 2], float32 [T, 4], float32 [Z, 2]
    softmaxOuter: float32 [7, 4], float32 [33, 3], float32 [T, 2], float32 [7, 4], float32 [3, 2]"
  `);
});

test('a bool constant keeps its dtype', () => {
  expect(g.constant(hostTensor('bool', [1], Uint8Array.of(1))).dtype).toBe('bool');
});
