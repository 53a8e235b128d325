import { expect, test } from 'vitest';
import { createBoundedMap } from './mask-cache.ts';

test('a bounded map forgets what was used longest ago, and counts what an entry costs beside its value', () => {
  const map = createBoundedMap<string, number>(100, 20);
  for (const [place, key] of ['a', 'b', 'c'].entries()) map.set(key, place, 10);
  map.get('a');
  // Three entries are 90 bytes; with a fourth the oldest that nobody asked for goes.
  map.set('d', 3, 10);
  expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([0, undefined, 2, 3]);
  map.set('a', 4, 40);
  expect(['a', 'c', 'd'].map((key) => map.get(key))).toEqual([4, undefined, 3]);
});
