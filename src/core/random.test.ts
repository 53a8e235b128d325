import { describe, expect, test } from 'vitest';
import { createRandom, hashString, permutation, restoreRandom, type Random } from './random.ts';

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.nextUint32());
}

function drawEverything(random: Random): number[] {
  return [random.nextUint32(), random.nextFloat(), random.nextNormal(), random.nextInt(10)];
}

describe('the generator', () => {
  test('is sfc32: from state 1, 2, 3, 4 by hand', () => {
    // 1: out 1+2+4 = 7; a = 2^(2>>>9) = 2, b = 3+(3<<3) = 27, c = rotl(3,21)+7 = 6291463, counter 5.
    // 2: out 2+27+5 = 34; a = 27, b = 6291463*9 = 56623167, counter 6; 3: out 27+56623167+6 = 56623200.
    expect(draw(restoreRandom([1, 2, 3, 4]), 3)).toEqual([7, 34, 56623200]);
  });

  test('gives these numbers for these seeds and streams, on every platform', () => {
    // From an independent implementation in Python's integers.
    expect(draw(createRandom(0), 4)).toEqual([2142003908, 2441141783, 3982603388, 921483698]);
    expect(draw(createRandom(42), 4)).toEqual([3309953619, 2202805923, 2751133214, 2523711416]);
    expect(draw(createRandom(42, 'order'), 4)).toEqual([677642653, 839979124, 94206011, 3899299672]);
    expect(draw(createRandom(2 ** 40 + 7, 'order'), 4)).toEqual([4017649492, 3951064927, 1294221727, 833270534]);
  });

  test('hashes names by FNV-1a, whose published values are these', () => {
    expect(['', 'a', 'foobar'].map(hashString)).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  });

  test('continues after its state went through JSON, whatever is drawn', () => {
    const random = createRandom(7, 'batches');
    draw(random, 100);
    random.nextNormal();
    const saved = JSON.parse(JSON.stringify(random.state())) as [number, number, number, number];
    expect(drawEverything(restoreRandom(saved))).toEqual(drawEverything(random));
    expect(saved.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32)).toBe(true);
  });
});

/** sum (observed - expected)^2 / expected */
function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('draws', () => {
  test('floats fill [0, 1) evenly with 53 bits', () => {
    const random = createRandom(3, 'floats');
    const counts = Array.from({ length: 100 }, () => 0);
    let usesLowBits = false;
    for (let i = 0; i < 100_000; i++) {
      const x = random.nextFloat();
      counts[Math.floor(100 * x)]! += 1;
      usesLowBits ||= (x * 2 ** 53) % 2 === 1;
    }
    // 99 degrees of freedom: 148 is the quantile 0.999; the seed is fixed.
    expect(chiSquare(counts, 1000)).toBeLessThan(148);
    expect(usesLowBits).toBe(true);
    const words = [0xffffffff, 0xffffffff];
    expect(((words[0]! >>> 5) * 2 ** 26 + (words[1]! >>> 6)) / 2 ** 53).toBeLessThan(1);
  });

  test('integers are even, also where 2^32 is no multiple of the limit', () => {
    const random = createRandom(5, 'integers');
    const counts = Array.from({ length: 6 }, () => 0);
    for (let i = 0; i < 60_000; i++) counts[random.nextInt(6)]! += 1;
    // 5 degrees of freedom: 20.5 is the quantile 0.999.
    expect(chiSquare(counts, 10_000)).toBeLessThan(20.5);
    // By modulo alone, 3 * 2^30 would give the lower third twice as often as the others.
    const limit = 3 * 2 ** 30;
    let lower = 0;
    for (let i = 0; i < 30_000; i++) if (random.nextInt(limit) < limit / 3) lower += 1;
    expect(Math.abs(lower - 10_000)).toBeLessThan(4 * Math.sqrt(30_000 * (1 / 3) * (2 / 3)));
    expect([random.nextInt(1), random.nextInt(2 ** 32) < 2 ** 32]).toEqual([0, true]);
  });

  test.each([0, -1, 2.5, NaN, 2 ** 32 + 1])('an integer below %s is refused', (limit) => {
    expect(() => createRandom(1).nextInt(limit)).toThrow(
      `internal: nextInt: limit must be a whole number in [1, 2^32], got ${limit}`,
    );
  });

  test('normals have mean 0, deviation 1 and kurtosis 3', () => {
    const random = createRandom(9, 'normals');
    const values = Array.from({ length: 100_000 }, () => random.nextNormal());
    const moment = (power: number): number => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    // Four standard errors: 1, sqrt 2, sqrt 15, sqrt 96 over sqrt(100000).
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / 1e5));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / 1e5));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / 1e5));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / 1e5));
  });

  test('streams of one seed, and neighbouring seeds of one stream, are uncorrelated', () => {
    const names = ['', 'order', 'dropout', 'initialise a', 'initialise b'];
    const generators = [...names.map((name) => createRandom(1, name)), createRandom(2, 'order'), createRandom(2)];
    const count = 20_000;
    const columns = generators.map((random) => Array.from({ length: count }, () => random.nextFloat() - 0.5));
    for (const [i, a] of columns.entries()) {
      for (const b of columns.slice(i + 1)) {
        const correlation = a.reduce((sum, x, k) => sum + x * b[k]!, 0) / count / (1 / 12);
        expect(Math.abs(correlation)).toBeLessThan(4.5 / Math.sqrt(count));
      }
    }
  });

  test('permutations are permutations, all equally likely', () => {
    const random = createRandom(11, 'permutations');
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = permutation(4, random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 23 degrees of freedom: 49.7 is the quantile 0.999.
    expect(chiSquare([...counts.values()], 1000)).toBeLessThan(49.7);
    expect(permutation(1000, createRandom(1)).toSorted()).toEqual(Int32Array.from({ length: 1000 }, (_, i) => i));
    expect([permutation(0, random), permutation(1, random)]).toEqual([Int32Array.of(), Int32Array.of(0)]);
  });
});
