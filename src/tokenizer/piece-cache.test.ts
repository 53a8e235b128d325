import { expect, it } from 'vitest';
import { createPieceCache } from './piece-cache.ts';

it('remembers what was used lately, forgets the rest, and leaves long pieces out', () => {
  const cache = createPieceCache();
  for (let index = 0; index < 2 ** 15; index++) cache.set(`a${index}`, [index]);
  for (let index = 0; index < 2 ** 15; index++) {
    cache.set(`b${index}`, [index]);
    cache.get('a7');
  }
  cache.set('c', [3]);
  expect(['a7', 'a8', 'b8', 'c'].map((piece) => cache.get(piece))).toEqual([[7], undefined, [8], [3]]);
  cache.set('x'.repeat(65), [1]);
  cache.set('x'.repeat(64), [1]);
  expect([cache.get('x'.repeat(65)), cache.get('x'.repeat(64))]).toEqual([undefined, [1]]);
});
