import { expect, test } from 'vitest';
import { inRequestWords } from './request-words.ts';

test('flags become options of a request, by all their names; those of commands stay', () => {
  expect(inRequestWords('try --epochs 8 --batch-size 4 --lr 4e-4 (--auto chooses them)')).toBe(
    'try epochs 8 batchSize 4 learningRate 4e-4 (auto chooses them)',
  );
  expect(inRequestWords('keep it smaller (--base-precision int8), or lower --micro-batch-tokens or --rank')).toBe(
    'keep it smaller (basePrecision int8), or lower microBatchTokens or lora.rank',
  );
  expect(
    inRequestWords('give --no-load-best; remove copies: preftune data clean --data a --apply duplicates; --nope'),
  ).toBe('give loadBest false; remove copies: preftune data clean --data a --apply duplicates; --nope');
});
