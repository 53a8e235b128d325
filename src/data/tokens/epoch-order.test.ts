import fc from 'fast-check';
import { expect, test } from 'vitest';
import { epochOrder } from './epoch-order.ts';

test('the same seed and epoch give the same order, other ones another, on every platform', () => {
  const options = { count: 8, seed: 42, epoch: 0, batchSize: 2 };
  expect([...epochOrder(options)]).toEqual([...epochOrder({ ...options })]);
  expect([...epochOrder(options)]).toMatchInlineSnapshot(`
    [
      6,
      7,
      3,
      0,
      5,
      1,
      2,
      4,
    ]
  `);
  expect([...epochOrder({ ...options, epoch: 1 })]).toMatchInlineSnapshot(`
    [
      4,
      6,
      0,
      1,
      5,
      2,
      7,
      3,
    ]
  `);
  expect([...epochOrder({ ...options, order: 'sequential' })]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('every row once, with and without bucketing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      (lengths, batchSize, batchesPerBucket, seed) => {
        const shared = { count: lengths.length, seed, epoch: 3, batchSize };
        const rows = lengths.map((_, index) => index);
        expect([...epochOrder(shared)].toSorted((a, b) => a - b)).toEqual(rows);
        const bucketed = epochOrder({ ...shared, bucketing: { lengths, batchesPerBucket } });
        expect([...bucketed].toSorted((a, b) => a - b)).toEqual(rows);
      },
    ),
  );
});

test('one bucket over everything makes batches of neighbours in length', () => {
  const lengths = Array.from({ length: 40 }, (_, index) => (index * 7) % 40);
  const order = epochOrder({ count: 40, seed: 1, epoch: 0, batchSize: 4, bucketing: { lengths } });
  const batches = Array.from({ length: 10 }, (_, batch) =>
    [...order.subarray(batch * 4, batch * 4 + 4)].map((row) => lengths[row]!),
  );
  for (const batch of batches) expect(Math.max(...batch) - Math.min(...batch)).toBe(3);
  expect(batches.map((batch) => batch[0])).not.toEqual([39, 35, 31, 27, 23, 19, 15, 11, 7, 3]);
});

test('wrong options are named', () => {
  const options = { count: 3, seed: 0, epoch: 0, batchSize: 1 };
  expect(() => epochOrder({ ...options, batchSize: 0 })).toThrow(
    'epochOrder: batchSize must be an integer of at least 1, got 0',
  );
  expect(() => epochOrder({ ...options, bucketing: { lengths: [1] } })).toThrow(
    'epochOrder: bucketing.lengths must hold one length for each of 3 rows, got 1',
  );
  expect(() => epochOrder({ ...options, order: 'sequential', bucketing: { lengths: [1, 2, 3] } })).toThrow(
    'epochOrder: bucketing must not be set when order is sequential, got both; bucketing changes the order',
  );
});
