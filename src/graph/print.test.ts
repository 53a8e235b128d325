import { expect, test } from 'vitest';
import { float32Tensor, hostTensor } from '../core/index.ts';
import * as g from './index.ts';

test('one node a line in topological order, shared nodes once, attributes that are not the default', () => {
  const x = g.input('x', ['T', 4]);
  const w = g.input('w', [4, 3]);
  const y = g.matmul(x, w, { scale: 0.5 });
  const loss = g.reduceSum(g.mul(y, y), { axes: [1] });
  expect(g.printGraph(g.graph({ loss, y }))).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 4]
    %1 = input "w" : float32 [4, 3]
    %2 = matmul %0 %1 scale=0.5 : float32 [T, 3]
    %3 = mul %2 %2 : float32 [T, 3]
    %4 = reduceSum %3 axes=[1] : float32 [T]
    return loss=%4 y=%2"
  `);
});

test('every way in which attributes are written', () => {
  const x = g.input('x', ['B', 'T', 4]);
  const index = g.input('index', ['S'], 'int32');
  const mask = g.constant(hostTensor('bool', [2], Uint8Array.of(1, 0)));
  const outputs = {
    mask,
    long: g.constant(float32Tensor([8], [1, 2, 3, 4, 5, 6, 7, 8])),
    seven: g.scalar(7, 'int32'),
    size: g.dimSize('B*T'),
    count: g.iota('2*T'),
    random: g.randomUniform(g.input('seed', [], 'int32'), ['T', 2]),
    kept: g.reduceMax(x, { axes: [2], keepDims: true }),
    flat: g.reshape(x, ['B*T', 4]),
    turned: g.transpose(x, [2, 0, 1]),
    part: g.slice(x, { axis: -1, start: 1, end: 3 }),
    padded: g.pad(x, { axis: -1, before: 0, after: 2 }),
    both: g.concat([x, x], 2),
    scale: g.inverseRms(x, 1e-5),
    product: g.matmul(x, x, { transposeA: true }),
    added: g.scatterAdd(g.input('u', ['S', 4]), index, 'T'),
    whole: g.cast(x, 'int32'),
  };
  expect(g.printGraph(g.graph(outputs))).toMatchInlineSnapshot(`
    "%0 = constant 1 0 : bool [2]
    %1 = constant 1 2 3 4 5 6 ... : float32 [8]
    %2 = constant 7 : int32 []
    %3 = dimSize dim=B*T : int32 []
    %4 = iota length=2*T : int32 [2*T]
    %5 = input "seed" : int32 []
    %6 = randomUniform %5 : float32 [T, 2]
    %7 = input "x" : float32 [B, T, 4]
    %8 = reduceMax %7 axes=[2] keepDims=true : float32 [B, T, 1]
    %9 = reshape %7 : float32 [B*T, 4]
    %10 = transpose %7 permutation=[2, 0, 1] : float32 [4, B, T]
    %11 = slice %7 axis=2 start=1 end=3 : float32 [B, T, 2]
    %12 = pad %7 axis=2 before=0 after=2 : float32 [B, T, 6]
    %13 = concat %7 %7 axis=2 : float32 [B, T, 8]
    %14 = inverseRms %7 epsilon=0.00001 : float32 [B, T, 1]
    %15 = matmul %7 %7 transposeA=true : float32 [B, 4, 4]
    %16 = input "u" : float32 [S, 4]
    %17 = input "index" : int32 [S]
    %18 = scatterAdd %16 %17 rows=T : float32 [T, 4]
    %19 = cast %7 to=int32 : int32 [B, T, 4]
    return mask=%0 long=%1 seven=%2 size=%3 count=%4 random=%6 kept=%8 flat=%9 turned=%10 part=%11 padded=%12 both=%13 scale=%14 product=%15 added=%18 whole=%19"
  `);
});

test('an output may be an input, and may stand twice', () => {
  const x = g.input('x', []);
  expect(g.printGraph(g.graph({ a: x, b: x }))).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 []
    return a=%0 b=%0"
  `);
});
