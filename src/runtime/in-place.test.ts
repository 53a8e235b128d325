import { expect, test } from 'vitest';
import {
  add,
  graph,
  input,
  matmul,
  mul,
  neg,
  putRows,
  reduceSum,
  reshape,
  sigmoid,
  sub,
  transpose,
} from '../graph/index.ts';
import { checkInPlace } from './in-place.ts';

const p = input('p', [2, 2]);
const g = input('g', [2, 2]);
const pair = 'inPlace: output "q" into input "p"';

test('an elementwise update is safe, and so are readers that it needs', () => {
  const moment = add(mul(p, 0.9), mul(g, 0.1));
  expect(checkInPlace(graph({ q: moment }), { q: 'p' })).toBeUndefined();
  const norm = reduceSum(mul(p, p));
  expect(checkInPlace(graph({ q: sub(p, mul(g, norm)) }), { q: 'p' })).toBeUndefined();
});

test('rows are put in place into what nothing else of the node reads', () => {
  const at = input('at', [2, 1], 'int32');
  expect(checkInPlace(graph({ q: putRows(p, g, at) }), { q: 'p' })).toBeUndefined();
  expect(() => checkInPlace(graph({ q: putRows(g, p, at) }), { q: 'p' })).toThrow('elementwise node, got putRows');
  expect(() => checkInPlace(graph({ q: putRows(p, p, at) }), { q: 'p' })).toThrow('elementwise node, got putRows');
});

test.each([
  [
    'another reader may run after the write',
    { q: sub(p, g), n: reduceSum(neg(p)) },
    'every reader of the input must come before the output, neg need not',
  ],
  [
    'a view of the memory is read elsewhere',
    { q: sub(p, reduceSum(reshape(p, [4]))), n: neg(transpose(p, [1, 0])) },
    'every reader of the input must come before the output, transpose need not',
  ],
  [
    'element j is read after it is written',
    { q: sub(g, transpose(p, [1, 0])) },
    'the output must read the input itself, not through transpose',
  ],
  ['a product writes as it reads', { q: matmul(p, g) }, 'the output must be made by an elementwise node, got matmul'],
  [
    'a product and its sum become one operator',
    { q: add(p, matmul(p, g)) },
    "the output's add must not read a matmul of the input, both become one operator",
  ],
  [
    'a gate becomes one operator',
    { q: mul(p, sigmoid(p)) },
    "the output's mul must not read a sigmoid of the input, both become one operator",
  ],
  ['the memory is asked for too', { q: neg(p), p }, 'the input must not be an output itself'],
  ['shapes differ', { q: reduceSum(p) }, 'dtype and shape must be the same, got float32 [] and float32 [2, 2]'],
])('refused where %s', (_why, outputs, reason) => {
  expect(() => checkInPlace(graph(outputs), { q: 'p' })).toThrow(`${pair}: ${reason}`);
});

test('all problems are reported at once', () => {
  const shared = neg(p);
  expect(() => checkInPlace(graph({ a: shared, b: shared }), { a: 'p', b: 'p', c: 'x' })).toThrow(
    [
      'inPlace: output "a" into input "p": its value must be one output only, two outputs share it',
      'inPlace: output "b" into input "p": another output is written there already',
      'inPlace: output "b" into input "p": its value must be one output only, two outputs share it',
      'inPlace: output "c" into input "x": both must exist in the graph; check the names',
    ].join('\n'),
  );
});
