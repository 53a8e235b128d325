import { expect, test } from 'vitest';
import { merged } from './merge.ts';

async function* numbers(...values: readonly number[]): AsyncGenerator<number> {
  for (const value of values) yield value;
}

async function* broken(): AsyncGenerator<number> {
  yield 1;
  throw new Error('broken');
}

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

test('items of each stream come in their order, and its end once behind them', async () => {
  const seen: (readonly [number, number | undefined])[] = [];
  for await (const one of merged([numbers(1, 2, 3), numbers(), numbers(9)])) seen.push(one);
  expect(seen.filter(([stream]) => stream === 0).map(([, value]) => value)).toEqual([1, 2, 3, undefined]);
  expect(seen.filter(([stream]) => stream === 1).map(([, value]) => value)).toEqual([undefined]);
  expect(seen.filter(([stream]) => stream === 2).map(([, value]) => value)).toEqual([9, undefined]);
});

test('a stream that fails ends all, and whoever stops early ends the streams', async () => {
  await expect(readAll(merged([broken(), numbers(1, 2)]))).rejects.toThrow('broken');
  let isEnded = false;
  async function* endless(): AsyncGenerator<number> {
    try {
      for (;;) yield 0;
    } finally {
      isEnded = true;
    }
  }
  for await (const _ of merged([endless()])) break;
  await Promise.resolve();
  expect(isEnded).toBe(true);
});
