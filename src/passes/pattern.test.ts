import { describe, expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { byKind, entry, firstOf } from './pattern-table.ts';
import { any, matchPattern, op, scalarOf, underReshapes, type Pattern } from './pattern.ts';

const [x, y, w] = [g.input('x', ['T', 4]), g.input('y', ['T', 4]), g.input('w', [4])];

/** The name of an input, the kind of anything else. */
function text(node: Node): string {
  return node.kind === 'input' ? node.attributes.name : node.kind;
}

/** Every way in which a node fits, as the names of the inputs that it finds. */
function ways(pattern: Pattern, node: Node, options: Parameters<typeof matchPattern>[3] = {}): string[] {
  const found: string[] = [];
  matchPattern(
    pattern,
    node,
    (nodes) => {
      found.push(
        Object.entries(nodes)
          .toReversed()
          .map(([name, one]) => `${name}=${text(one)}`)
          .join(' '),
      );
      return undefined;
    },
    options,
  );
  return found;
}

describe('nodes', () => {
  test('any is any node, or one of a rank, under its name', () => {
    expect(ways(any('a'), x)).toEqual(['a=x']);
    expect(ways(any('a', { rank: 1 }), x)).toEqual([]);
    expect(ways(any('a', { rank: 1 }), w)).toEqual(['a=w']);
  });

  test('a name that stands twice is one node', () => {
    const square = op('sub', [any('a'), any('a')]);
    expect(ways(square, g.sub(x, x))).toEqual(['a=x']);
    expect(ways(square, g.sub(x, y))).toEqual([]);
  });

  test('nodes that are given are those of their names', () => {
    const sum = op('sub', [any('a'), any('b')]);
    expect(ways(sum, g.sub(x, y), { given: { a: x } })).toEqual(['a=x b=y']);
    expect(ways(sum, g.sub(x, y), { given: { a: y } })).toEqual([]);
  });

  test('a scalar constant has its value, in any rank', () => {
    const one = op('sub', [any('a'), scalarOf(1)]);
    expect(ways(one, g.sub(x, 1))).toEqual(['a=x']);
    expect(ways(one, g.sub(x, g.constant(float32Tensor([1, 1], [1]))))).toEqual(['a=x']);
    expect(ways(one, g.sub(x, 2))).toEqual([]);
    expect(ways(one, g.sub(x, g.constant(float32Tensor([1, 4], [1, 1, 1, 1]))))).toEqual([]);
  });

  test('reshapes are looked through as long as they leave the last axis alone', () => {
    const pattern = underReshapes(op('exp', [any('a')]));
    const deep = g.reshape(g.reshape(g.exp(x), [1, 'T', 4]), ['T', 1, 4]);
    expect(ways(pattern, deep)).toEqual(['a=x']);
    expect(ways(pattern, g.exp(x))).toEqual(['a=x']);
    expect(ways(pattern, g.reshape(g.exp(x), ['T', 2, 2]))).toEqual([]);
  });
});

describe('operations', () => {
  test('have one of their kinds and as many inputs', () => {
    const either = op(['sin', 'cos'], [any('a')], { name: 'whole' });
    expect(ways(either, g.cos(x))).toEqual(['whole=cos a=x']);
    expect(ways(either, g.exp(x))).toEqual([]);
    expect(ways(op('concat', [any('a'), any('b')]), g.concat([g.squeeze(g.reshape(w, [4, 1]), 1), w], 0))).toEqual([
      'a=reshape b=w',
    ]);
    expect(ways(op('concat', [any('a'), any('b')]), g.concat([w, w, w], 0))).toEqual([]);
  });

  test('have the attributes that are asked for, and what else must hold', () => {
    const turned = op('matmul', [any('a'), any('b')], { attributes: { transposeB: true, scale: 2 } });
    expect(ways(turned, g.matmul(x, y, { transposeB: true, scale: 2 }))).toEqual(['a=x b=y']);
    expect(ways(turned, g.matmul(x, y, { transposeB: true }))).toEqual([]);
    const wide = op('reduceSum', [any('a')], {
      where: ({ attributes, shape }) => attributes.keepDims && shape[0] === 'T',
    });
    expect(ways(wide, g.reduceSum(x, { axes: [1], keepDims: true }))).toEqual(['a=x']);
    expect(ways(wide, g.reduceSum(x, { axes: [0], keepDims: true }))).toEqual([]);
  });

  test('that are commutative are tried in the order that is written, then in the other, on every level', () => {
    const product = g.mul(g.mul(x, y), w);
    expect(ways(op('mul', [op('mul', [any('a'), any('b')]), any('c')]), product)).toEqual([
      'a=x b=y c=w',
      'a=y b=x c=w',
    ]);
    expect(ways(op('mul', [any('c'), op('mul', [any('a'), any('b')])]), product)).toEqual([
      'c=w a=x b=y',
      'c=w a=y b=x',
    ]);
    expect(ways(op('sub', [any('a'), scalarOf(1)]), g.sub(1, x))).toEqual([]);
    expect(ways(op('add', [any('a'), scalarOf(1)]), g.add(1, x))).toEqual(['a=x']);
  });

  test('are read as often as is asked for', () => {
    const inner = op('exp', [any('a')], { uses: 1 });
    expect(ways(inner, g.exp(x), { usesOf: () => 1 })).toEqual(['a=x']);
    expect(ways(inner, g.exp(x), { usesOf: () => 2 })).toEqual([]);
    expect(() => ways(inner, g.exp(x))).toThrow('internal: a pattern with uses must be matched with usesOf');
  });

  test('are nodes that the pattern may take; what it only names is free', () => {
    const sum = g.exp(x);
    const mayTake = (node: Node): boolean => node !== sum;
    expect(ways(op('neg', [op('exp', [any('a')])]), g.neg(sum), { mayTake })).toEqual([]);
    expect(ways(op('neg', [any('a')]), g.neg(sum), { mayTake })).toEqual(['a=exp']);
  });
});

test('the first way that is not turned down is the result', () => {
  const pattern = op('add', [any('a'), any('b')]);
  const second = matchPattern(pattern, g.add(x, w), ({ a, b }) => (a.shape.length === 1 ? b : undefined));
  expect(second).toBe(x);
  expect(matchPattern(pattern, g.add(x, w), () => undefined)).toBe(undefined);
});

test('entries are asked in their order, those of the kind of the root alone', () => {
  const asked: string[] = [];
  const made = (formula: string, kind: 'exp' | 'neg', result?: string) =>
    entry({
      formula,
      pattern: op(kind, [any('a')]),
      build: ({ a }, root) => {
        asked.push(`${formula} ${root.kind} ${a.kind}`);
        return result;
      },
    });
  const table = byKind([
    made('first', 'exp'),
    made('other', 'neg', 'no'),
    made('second', 'exp', 'yes'),
    made('third', 'exp'),
  ]);
  expect(firstOf(table, g.exp(x), {})).toBe('yes');
  expect(asked).toEqual(['first exp input', 'second exp input']);
  expect(firstOf(table, g.sin(x), {})).toBe(undefined);
  expect(() => entry({ formula: 'x', pattern: any('a'), build: () => 0 })).toThrow(
    'internal: the pattern of x must be an operation',
  );
});
