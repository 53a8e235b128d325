import { expect, test } from 'vitest';
import {
  broadcastShapes,
  dimCoefficient,
  dimProduct,
  dimSymbols,
  evaluateDim,
  evaluateShape,
  formatShape,
  sameShape,
} from './dim.ts';

test('a product is canonical: coefficient first, symbols sorted', () => {
  expect(dimProduct(['S', 3, 'B'])).toBe('3*B*S');
  expect(dimProduct(['2*S', 'B*S', 4])).toBe('8*B*S*S');
  expect(dimProduct(['T', 1])).toBe('T');
  expect(dimProduct([2, 3])).toBe(6);
  expect(dimProduct(['T', 0])).toBe(0);
  expect(dimProduct([])).toBe(1);
  expect(dimProduct(['S*B'])).toBe(dimProduct(['B', 'S']));
});

test('symbols and coefficient', () => {
  expect(dimSymbols('6*B*S*S')).toEqual(['B', 'S', 'S']);
  expect(dimSymbols(6)).toEqual([]);
  expect([dimCoefficient('6*B'), dimCoefficient('B'), dimCoefficient(7)]).toEqual([6, 1, 7]);
});

test('values', () => {
  expect(evaluateDim('3*B*S', { B: 2, S: 5 })).toBe(30);
  expect(evaluateDim('B*B', { B: 4 })).toBe(16);
  expect(evaluateShape(['T', 4, '2*T'], { T: 0 })).toEqual([0, 4, 0]);
  expect(() => evaluateDim('3*B*S', { B: 2 })).toThrow('dimension: symbol S must have a value, none was given');
});

test('what is no dimension', () => {
  expect(() => dimProduct([-1])).toThrow('dimension: must be a whole number of at least 0, got -1');
  expect(() => dimProduct([1.5])).toThrow('dimension: must be a whole number of at least 0, got 1.5');
  expect(() => dimProduct(['T+1'])).toThrow(
    'dimension: must be a product of symbols and numbers such as "B*S", got "T+1"',
  );
  expect(() => dimProduct([''])).toThrow('dimension: must be a product of symbols and numbers such as "B*S", got ""');
});

test('broadcasting: a symbol fits itself and 1', () => {
  expect(broadcastShapes(['T', 1], ['S'])).toEqual(['T', 'S']);
  expect(broadcastShapes([], ['T', 2])).toEqual(['T', 2]);
  expect(broadcastShapes([1, 3], ['B', 1, 1])).toEqual(['B', 1, 3]);
  expect(broadcastShapes([0], [1])).toEqual([0]);
  expect(broadcastShapes(['T'], ['S'])).toBeUndefined();
  expect(broadcastShapes(['T'], [2])).toBeUndefined();
  expect(broadcastShapes([2], [3])).toBeUndefined();
});

test('shapes as text', () => {
  expect(formatShape(['T', 3])).toBe('[T, 3]');
  expect(formatShape([])).toBe('[]');
  expect([sameShape(['T', 3], ['T', 3]), sameShape(['T'], ['T', 1]), sameShape([], [])]).toEqual([true, false, true]);
});
