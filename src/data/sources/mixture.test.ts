import { expect, test } from 'vitest';
import { copiesOf, mixtureLines, parseWeightedName } from './mixture.ts';
import { loadPairs } from '../load.ts';
import { memorySource, type DataSource } from './source.ts';
import { createTestingTokenizer } from '../testing/testing-tokenizer.ts';

test('names and weights', () => {
  expect(parseWeightedName('a.jsonl')).toEqual({ name: 'a.jsonl', weight: undefined });
  expect(parseWeightedName('org/name:train@v1=0.3')).toEqual({ name: 'org/name:train@v1', weight: 0.3 });
  expect(parseWeightedName('x=1/b.jsonl')).toEqual({ name: 'x=1/b.jsonl', weight: undefined });
  expect(parseWeightedName('x=1.jsonl=2')).toEqual({ name: 'x=1.jsonl', weight: 2 });
  for (const wrong of ['0', '-1', 'many', '', '101', 'Infinity'])
    expect(() => parseWeightedName(`b=${wrong}`)).toThrow(
      `b: the weight behind = must be a number above 0 and at most 100, got "${wrong}"; 0.3 takes three rows of ten, 2 takes each twice`,
    );
});

const counts = (weight: number, seed: number) =>
  Array.from({ length: 10_000 }, (_, row) => copiesOf(weight, { seed, source: 1, row }));

test('whole weights are exact, others are hit on average and the same every time', () => {
  expect(new Set(counts(2, 0))).toEqual(new Set([2]));
  const taken = counts(0.3, 7);
  expect(taken).toEqual(counts(0.3, 7));
  expect(taken).not.toEqual(counts(0.3, 8));
  // Binomial(10000, 0.3): standard deviation 46.
  expect(Math.abs(taken.reduce((sum, count) => sum + count, 0) - 3000)).toBeLessThan(190);
  expect(new Set(counts(1.5, 7))).toEqual(new Set([1, 2]));
  // A row of the smaller share is a row of the larger one.
  const more = counts(0.6, 7);
  expect(taken.every((count, row) => count <= more[row]!)).toBe(true);
});

const tokenizer = createTestingTokenizer();
const rowsOf = (name: string, count: number, weight?: number): DataSource => {
  const lines = Array.from({ length: count }, (_, i) =>
    JSON.stringify({ prompt: `${name}${i}`, chosen: 'a', rejected: 'b' }),
  );
  const source = memorySource(name, lines.join('\n'));
  return weight === undefined ? source : { ...source, weight };
};

test('a mixture takes what the weights say, with ids that differ, and reports each source', async () => {
  const sources = [rowsOf('a', 3), rowsOf('b', 100, 0.3), rowsOf('c', 2, 2)];
  const load = (seed: number) => loadPairs(sources, { tokenizer, seed });
  const { rows, sources: shares } = await load(1);
  const [, b] = shares;
  expect(shares).toEqual([
    { name: 'a', weight: 1, rows: 3, used: 3 },
    { name: 'b', weight: 0.3, rows: 100, used: b!.used },
    { name: 'c', weight: 2, rows: 2, used: 4 },
  ]);
  expect(b!.used).toBeGreaterThan(15);
  expect(b!.used).toBeLessThan(45);
  const ids = Array.from({ length: rows.count }, (_, index) => rows.row(index).id);
  expect(ids.length).toBe(7 + b!.used);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.slice(-4)).toEqual(['c:1', 'c:1@1', 'c:2', 'c:2@2']);
  expect((await load(1)).rows.fingerprint).toBe(rows.fingerprint);
  expect((await load(2)).rows.fingerprint).not.toBe(rows.fingerprint);
});

test('lines say what each source is of the whole', () => {
  expect(mixtureLines([{ name: 'a', weight: 1, rows: 9, used: 9 }])).toEqual([]);
  expect(
    mixtureLines([
      { name: 'a', weight: 1, rows: 9, used: 9 },
      { name: 'b', weight: 0.3, rows: 10, used: 3 },
    ]),
  ).toEqual(['a: 9 rows, 75.0 % of all', 'b: weight 0.3, 3 rows of 10, 25.0 % of all']);
});
