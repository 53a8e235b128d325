import { expect, test } from 'vitest';
import { compareJson, flattenJson, showValue } from './compare.ts';

test('differences are named by dotted path, in order', () => {
  expect(
    compareJson(
      { a: 1, b: { c: [1, 2], d: null }, gone: 'x', same: { deep: [true] } },
      { a: 1, b: { c: [1, 3, 4], d: {} }, same: { deep: [true] }, added: false },
    ),
  ).toEqual([
    { path: 'b.c.1', before: 2, after: 3 },
    { path: 'b.c.2', before: undefined, after: 4 },
    { path: 'b.d', before: null, after: {} },
    { path: 'gone', before: 'x', after: undefined },
    { path: 'added', before: undefined, after: false },
  ]);
  expect(compareJson([1], { 0: 1 })).toEqual([{ path: '', before: [1], after: { 0: 1 } }]);
  expect(compareJson({}, JSON.parse('{"constructor": 1}'))).toEqual([
    { path: 'constructor', before: undefined, after: 1 },
  ]);
});

test('values are shown as JSON and cut at 80 characters', () => {
  expect(showValue(undefined)).toBe('nothing');
  expect(showValue('a"b')).toBe('"a\\"b"');
  expect(showValue('x'.repeat(100))).toBe(`"${'x'.repeat(76)}...`);
});

test('leaves carry their dotted paths; plain lists stay whole', () => {
  expect(flattenJson({ a: { b: 1, list: ['x', 'y'] }, rows: [{ id: 1 }], none: {} })).toEqual([
    ['a.b', 1],
    ['a.list', ['x', 'y']],
    ['rows.0.id', 1],
    ['none', {}],
  ]);
});
