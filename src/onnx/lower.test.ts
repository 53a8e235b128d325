import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from 'vitest';
import {
  add,
  broadcastTo,
  cast,
  graph,
  input,
  logSumExpMatmul,
  matmul,
  mul,
  neg,
  permuteRows,
  putRows,
  reduceSum,
  reshape,
  rmsNorm,
  rope,
  scatterAdd,
  slice,
  softmaxMatmul,
  softmaxOuter,
  stopGradient,
  transpose,
  type Node,
} from '../graph/index.ts';
import { lowerGraph, lowerToOnnx, type LowerOptions } from './lower.ts';
import { printOnnx } from './print.ts';
import { encodeModel } from './proto.ts';

function lowered(outputs: Record<string, Node>, options: LowerOptions = { target: 'cpu' }): string {
  return printOnnx(lowerToOnnx(graph(outputs), options).onnx);
}

describe('shapes', () => {
  const x = input('x', ['B', 'T', 6]);

  test('are constants wherever one axis at most is unknown', () => {
    expect(lowered({ y: reshape(x, ['B*T', 6]) })).toBe('out.y = Reshape in.x c0');
    expect(lowered({ y: reshape(x, ['B', 'T', 2, 3]) })).toBe('out.y = Reshape in.x c0');
    expect(lowered({ y: broadcastTo(input('w', [1, 'T']), [3, 'T']) })).toBe('out.y = Expand in.w c0');
  });

  test('that need lengths read each symbol once', () => {
    const outputs = { y: reshape(x, ['3*B', '2*T']), z: reshape(neg(x), ['3*B', '2*T']) };
    expect(lowered(outputs)).toMatchInlineSnapshot(`
      "v0 = Shape in.x start=0 end=1
      v2 = Mul v0 c1
      v3 = Shape in.x start=1 end=2
      v5 = Mul v3 c4
      v6 = Concat v2 v5 axis=0
      out.y = Reshape in.x v6 allowzero=1
      v8 = Neg in.x
      out.z = Reshape v8 v6 allowzero=1"
    `);
  });

  test('that stay the same make no operator', () => {
    const same = stopGradient(reshape(cast(neg(x), 'float32'), ['B', 'T', 6]));
    expect(lowered({ y: mul(transpose(same, [0, 1, 2]), 2) })).toBe('v0 = Neg in.x\nout.y = Mul v0 c1');
    expect(lowered({ y: transpose(input('h', ['T', 1, 4]), [1, 0, 2]) })).toBe('out.y = Reshape in.h c0');
  });
});

describe('outputs', () => {
  test('are named by the operator that makes them, and copied where they have none of their own', () => {
    const x = input('x', ['T']);
    const y = neg(x);
    expect(lowered({ x, y, again: y })).toBe('out.y = Neg in.x\nout.x = Identity in.x\nout.again = Identity out.y');
  });

  test('and inputs describe themselves', () => {
    const model = lowerGraph(graph({ w: add(input('w', [2]), input('g', ['N', 2])) }), {
      target: 'webgpu',
      frozen: ['w'],
    });
    expect(model.inputs).toEqual([{ name: 'g', onnxName: 'in.g', dtype: 'float32', shape: ['N', 2] }]);
    expect(model.frozen).toEqual([
      { name: 'w', onnxName: 'in.w', dtype: 'float32', shape: [2], location: 'w', isTurned: false },
    ]);
    expect(model.outputs).toEqual([{ name: 'w', onnxName: 'out.w', dtype: 'float32', shape: ['N', 2] }]);
    expect(model.onnx.initializers).toEqual([
      { name: 'in.w', type: 'float32', dims: [2], data: { location: 'w', lengthBytes: 8 } },
    ]);
    const symbolic = graph({ y: neg(input('w', ['N'])) });
    expect(() => lowerGraph(symbolic, { target: 'webgpu', frozen: ['w'] })).toThrow(
      'internal: frozen input "w" must have a known shape, got N',
    );
  });
});

describe('kernels', () => {
  test("of a layer use the runtime's own operators, the portable form does not", () => {
    const x = input('x', ['T', 16]);
    const normed = reshape(rmsNorm(x, input('w', [16]), 1e-5), ['T', 2, 8]);
    const outputs = { y: rope(normed, input('c', ['T', 1, 4]), input('s', ['T', 1, 4])) };
    expect(lowered(outputs)).toMatchInlineSnapshot(`
      "v0 = SimplifiedLayerNormalization in.x in.w axis=-1 epsilon=0.00001 stash_type=1
      v2 = Reshape v0 c1
      v4 = Reshape v2 c3
      v6 = Reshape in.c c5
      v7 = Reshape in.s c5
      v9 = RotaryEmbedding v4 c8 v6 v7 num_heads=2 interleaved=0
      out.y = Reshape v9 c10"
    `);
    expect(lowered(outputs, { target: 'portable' })).not.toMatch(/Simplified|RotaryEmbedding/);
  });

  test('of a vocabulary loop over equal chunks and share one product', () => {
    const [h, e] = [input('h', ['C', 4]), input('e', [10, 4])];
    const logSum = logSumExpMatmul(h, e);
    const outputs = { logSum, mean: softmaxMatmul(h, e), outer: softmaxOuter(h, e, logSum) };
    expect(lowered(outputs, { target: 'cpu', chunkBytes: 3 * 4 * 2048 })).toMatchInlineSnapshot(`
      "v0 = Shape in.h start=0 end=1
      v2 = Add v0 c1
      v4 = Sub v2 c3
      v5 = Div v4 c1
      v6 = Max v5 c3
      v7 = Add v0 v6
      v8 = Sub v7 c3
      v9 = Div v8 v6
      v10 = Mul v6 v9
      v11 = Sub v10 v0
      v13 = Concat c12 v11 axis=0
      v15 = Pad in.h v13 c14 c12
      v17 = Concat v6 v9 c16 axis=0
      v18 = Reshape v15 v17 allowzero=1
      v27, v28 = Scan v18 num_scan_inputs=1
        over v19
        v20 = Gemm v19 in.e transB=1
        v21 = Softmax v20 axis=-1
        v22 = ReduceMax v20 c3 keepdims=0
        v23 = ReduceMax v21 c3 keepdims=0
        v24 = Log v23
        v25 = Sub v22 v24
        v26 = MatMul v21 in.e
        give v25 v26
      v29 = Mul v6 v9
      v30 = Concat v29 axis=0
      v31 = Reshape v27 v30 allowzero=1
      out.logSum = Slice v31 c12 v0 c12
      v33 = Mul v6 v9
      v34 = Concat v33 c16 axis=0
      v35 = Reshape v28 v34 allowzero=1
      out.mean = Slice v35 c12 v0 c12
      v38 = Reshape out.logSum c37
      v39 = Mul in.h v38
      v42 = Concat c40 c41 c16 axis=0
      v43 = Reshape in.e v42 allowzero=1
      v49 = Scan v43 num_scan_inputs=1
        over v44
        v45 = Gemm v44 in.h transB=1
        v46 = Sub v45 out.logSum
        v47 = Exp v46
        v48 = MatMul v47 v39
        give v48
      v50 = Mul c40 c41
      v51 = Concat v50 c16 axis=0
      out.outer = Reshape v49 v51 allowzero=1"
    `);
  });

  test('of few rows need no loop', () => {
    const outputs = { y: softmaxMatmul(input('h', [3, 4]), input('e', [10, 4])) };
    expect(lowered(outputs)).toBe('v0 = Gemm in.h in.e transB=1\nv1 = Softmax v0 axis=-1\nout.y = MatMul v1 in.e');
  });
});

test('rows are moved and added by operators that are exact where an index is -1 or repeats', () => {
  const [x, index] = [input('x', ['T', 4]), input('i', ['S'], 'int32')];
  expect(lowered({ y: permuteRows(x, index, input('inverse', ['T'], 'int32')) })).toMatchInlineSnapshot(`
    "v2 = Expand c0 c1
    v3 = Concat in.x v2 axis=0
    out.y = Gather v3 in.i"
  `);
  const places = input('at', ['S', 1], 'int32');
  expect(lowered({ y: putRows(x, input('u', ['S', 4]), places) })).toBe(
    'v0 = Cast in.at to=7\nout.y = ScatterND in.x v0 in.u',
  );
  expect(lowered({ y: scatterAdd(input('u', ['S', 4]), index, 9) })).toMatchInlineSnapshot(`
    "v1 = Reshape in.i c0
    v3 = Expand v1 c2
    v6 = Expand c4 c5
    out.y = ScatterElements v6 v3 in.u axis=0 reduction=add"
  `);
});

test("operators are named after the node of the graph's text", () => {
  const x = input('x', ['T', 4]);
  const { onnx } = lowerToOnnx(
    graph({ y: reduceSum(matmul(slice(x, { axis: 1, start: 0, end: 2 }), input('w', [2, 2]))) }),
    {
      target: 'cpu',
    },
  );
  expect(onnx.nodes.map(({ name }) => name)).toEqual(['%1 slice/v3', '%3 matmul/v4', '%4 reduceSum/v6']);
});

test('the bytes are a ModelProto', () => {
  const bytes = encodeModel({ name: 'g', nodes: [], inputs: [], outputs: [], initializers: [] });
  const reader = new BinaryReader(bytes);
  const fields: [number, unknown][] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === WireType.Varint) fields.push([field, Number(reader.int64())]);
    else fields.push([field, Buffer.from(reader.bytes()).toString('latin1')]);
  }
  expect(fields).toEqual([
    [1, 10],
    [2, 'preftune'],
    [7, '\u0012\u0001g'],
    [8, '\n\u0000\u0010\u0014'],
    [8, '\n\rcom.microsoft\u0010\u0001'],
  ]);
});
