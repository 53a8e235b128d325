import { describe, expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import * as g from './index.ts';
import type { Node } from './node.ts';

const kinds = (nodes: readonly Node[]): string[] => nodes.map((node) => node.kind);

describe('order', () => {
  test('each node after its inputs, once, left before right', () => {
    const x = g.input('x', ['T']);
    const e = g.exp(x);
    const source = g.graph({ y: g.add(g.neg(e), e), z: g.tanh(e) });
    expect(kinds(g.graphNodes(source))).toEqual(['input', 'exp', 'neg', 'add', 'tanh']);
  });

  test('depth is no limit', () => {
    let node: Node = g.input('x', []);
    for (let i = 0; i < 100_000; i++) node = g.neg(node);
    const order = g.topologicalOrder([node]);
    expect(order).toHaveLength(100_001);
    expect([order[0]!.kind, order.at(-1)]).toEqual(['input', node]);
  });

  test('inputs sorted by name', () => {
    const source = g.graph({ y: g.add(g.input('b', []), g.mul(g.input('c', []), g.input('a', []))) });
    expect(g.graphInputs(source).map(({ attributes }) => attributes.name)).toEqual(['a', 'b', 'c']);
  });

  test('consumers, with repetition', () => {
    const x = g.input('x', []);
    const square = g.mul(x, x);
    const sum = g.add(square, x);
    const consumers = g.consumersOf(g.topologicalOrder([sum]));
    expect([consumers.get(x), consumers.get(square), consumers.get(sum)]).toEqual([[square, square, sum], [sum], []]);
  });
});

describe('rewrite', () => {
  test('replaces nodes and rebuilds what reads them', () => {
    const x = g.input('x', ['T']);
    const source = g.graph({ y: g.add(g.neg(g.neg(x)), g.tanh(x)), same: x });
    const rewritten = g.rewrite(source, (node, inputs) => {
      const [read] = inputs;
      return node.kind === 'neg' && read?.kind === 'neg' ? read.inputs[0]! : g.withInputs(node, inputs);
    });
    expect(g.printGraph(rewritten)).toMatchInlineSnapshot(`
      "%0 = input "x" : float32 [T]
      %1 = tanh %0 : float32 [T]
      %2 = add %0 %1 : float32 [T]
      return y=%2 same=%0"
    `);
    expect(rewritten.outputs['same']).toBe(x);
  });

  test('keeps every node where nothing changes', () => {
    const source = g.graph({ y: g.exp(g.mul(g.input('x', []), 2)) });
    expect(g.rewrite(source, g.withInputs).outputs['y']).toBe(source.outputs['y']);
  });
});

describe('nodes', () => {
  test('are immutable, whatever happens to the arrays they were made from', () => {
    const parts = [g.input('x', [2])];
    const permutation = [0];
    const whole = g.concat(parts, 0);
    const turned = g.transpose(whole, permutation);
    parts.push(g.input('y', [2]));
    permutation[0] = 5;
    expect(kinds(whole.inputs)).toEqual(['input']);
    expect(turned.attributes).toEqual({ permutation: [0] });
    expect(Object.isFrozen(whole) && Object.isFrozen(whole.inputs)).toBe(true);
  });

  test('other inputs, the same operation', () => {
    const x = g.input('x', ['T', 2]);
    const sum = g.reduceSum(x, { axes: [0], keepDims: true });
    expect(g.withInputs(sum, [x])).toBe(sum);
    const other = g.withInputs(sum, [g.input('y', [7, 3])]);
    expect([other.kind, other.attributes, other.shape]).toEqual(['reduceSum', { axes: [0], keepDims: true }, [1, 3]]);
    expect(() => g.withInputs(sum, [g.input('y', [])])).toThrow('reduceSum: axis 0 must exist, got float32 []');
  });
});

describe('verifier', () => {
  test('accepts symbols that an input has on its own', () => {
    const source = g.graph({ y: g.reshape(g.input('x', ['B', 'T']), ['B*T']), n: g.dimSize('2*B') });
    expect(() => g.verifyGraph(source)).not.toThrow();
  });

  test('two inputs of one name', () => {
    const source = g.graph({ y: g.add(g.input('x', []), g.input('x', [2])) });
    expect(() => g.verifyGraph(source)).toThrow('graph: input names must be unique, got two inputs named "x"');
  });

  test('a symbol that no input gives', () => {
    const x = g.input('x', ['B*T']);
    expect(() => g.verifyGraph(g.graph({ x }))).toThrow(
      'graph: symbol B of input [B*T] must be a dimension of some input, it is none',
    );
    expect(() => g.verifyGraph(g.graph({ n: g.dimSize('4*Q') }))).toThrow(
      'graph: symbol Q of dimSize [4*Q] must be a dimension of some input, it is none',
    );
  });

  test('a node whose shape is not what its rule infers', () => {
    const y = g.neg(g.input('x', [2]));
    const wrong = { ...y, shape: [3] } as Node;
    expect(() => g.verifyGraph(g.graph({ wrong }))).toThrow(
      'internal: neg has float32 [3] but its rule infers float32 [2]',
    );
  });
});

/** What stands right of a binary node: a constant's value. */
function rightOf({ inputs: [, right] }: Node): unknown {
  return right?.kind === 'constant' ? right.attributes.value : right;
}

describe('operations', () => {
  const x = g.input('x', ['T', 1, 4]);

  test('negative axes count from the end', () => {
    expect(g.reduceSum(x, { axes: [-1, 0] }).attributes).toEqual({ axes: [0, 2], keepDims: false });
    expect(g.slice(x, { axis: -1, start: 1, end: 2 }).attributes).toEqual({ axis: 2, start: 1, end: 2 });
    expect(g.pad(x, { axis: -2, before: 1, after: 0 }).attributes).toEqual({ axis: 1, before: 1, after: 0 });
    expect(g.concat([x, x], -1).attributes).toEqual({ axis: 2 });
    expect([g.squeeze(x, -2).shape, g.unsqueeze(x, -1).shape, g.unsqueeze(x, 0).shape]).toEqual([
      ['T', 4],
      ['T', 1, 4, 1],
      [1, 'T', 1, 4],
    ]);
  });

  test('axes that are not there', () => {
    expect(() => g.squeeze(x, 2)).toThrow('squeeze: axis 2 must have length 1, got [T, 1, 4]');
    expect(() => g.squeeze(x, 5)).toThrow('squeeze: axis 5 must have length 1, got [T, 1, 4]');
    expect(() => g.unsqueeze(x, 4)).toThrow('unsqueeze: axis must be in [-4, 3], got 4');
    expect(() => g.unsqueeze(x, -5)).toThrow('unsqueeze: axis must be in [-4, 3], got -5');
  });

  test('numbers become scalars of the other side', () => {
    expect(rightOf(g.add(x, 2))).toEqual(float32Tensor([], [2]));
    expect(rightOf(g.add(g.input('i', [], 'int32'), 2))).toEqual({ dtype: 'int32', shape: [], data: Int32Array.of(2) });
    expect(() => g.mul(g.input('i', [], 'int32'), 2 ** 31)).toThrow(
      'scalar: an int32 must be a whole number of 32 bits, got 2147483648; cast the other operand to float32',
    );
  });

  test('a cast to the same dtype is nothing', () => expect(g.cast(x, 'float32')).toBe(x));

  test('compositions', () => {
    const w = g.input('w', [4]);
    const outputs = { mean: g.mean(x, { axes: [0, 2] }), norm: g.rmsNorm(x, w, 1e-5), logs: g.logSoftmax(x) };
    expect(g.printGraph(g.graph(outputs))).toMatchInlineSnapshot(`
      "%0 = input "x" : float32 [T, 1, 4]
      %1 = reduceSum %0 axes=[0, 2] : float32 [1]
      %2 = dimSize dim=4*T : int32 []
      %3 = cast %2 to=float32 : float32 []
      %4 = div %1 %3 : float32 [1]
      %5 = inverseRms %0 epsilon=0.00001 : float32 [T, 1, 1]
      %6 = mul %0 %5 : float32 [T, 1, 4]
      %7 = input "w" : float32 [4]
      %8 = mul %6 %7 : float32 [T, 1, 4]
      %9 = logSumExp %0 : float32 [T, 1]
      %10 = reshape %9 : float32 [T, 1, 1]
      %11 = sub %0 %10 : float32 [T, 1, 4]
      return mean=%4 norm=%8 logs=%11"
    `);
  });
});
