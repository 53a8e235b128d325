import { describe, expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import { similarAcross, similarClusters, type Signatures } from './lsh.ts';
import { createMinHasher, jaccard, shingleHashes, similarity } from './minhash.ts';

/** Two sets of `size` random elements with the given Jaccard similarity. */
function setsOf(size: number, share: number, seed: number): [Uint32Array, Uint32Array] {
  const random = createRandom(seed);
  const shared = Math.round((2 * size * share) / (1 + share));
  const draw = (count: number): number[] => Array.from({ length: count }, () => random.nextUint32());
  const common = draw(shared);
  return [Uint32Array.from([...common, ...draw(size - shared)]), Uint32Array.from([...common, ...draw(size - shared)])];
}

function shingles(text: string): number[] {
  return [...shingleHashes(text)];
}

function sign(texts: readonly string[]): Signatures {
  const bytes = new Uint8Array(texts.length * 64);
  const hasher = createMinHasher(64);
  texts.forEach((text, i) => hasher.sign(shingleHashes(text), bytes.subarray(i * 64, (i + 1) * 64)));
  return { hashes: 64, count: texts.length, bytes };
}

describe('signatures', () => {
  test.each([0, 0.2, 0.5, 0.8, 0.95])('the estimate is unbiased at J = %f, its error as the formula says', (share) => {
    const hasher = createMinHasher(64, 1);
    const errors = Array.from({ length: 300 }, (_, seed) => {
      const sets = setsOf(200, share, seed);
      const [first, second] = sets.map((set) => {
        const bytes = new Uint8Array(64);
        hasher.sign(set, bytes);
        return bytes;
      }) as [Uint8Array, Uint8Array];
      return similarity(first, second) - jaccard(...sets);
    });
    const average = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const spread = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    const expected = Math.sqrt((share * (1 - share)) / 64);
    expect(Math.abs(average)).toBeLessThan(0.012);
    expect(spread).toBeLessThan(1.2 * expected + 0.01);
  });

  test('shingles: case, punctuation and spaces do not count; scripts without spaces are cut into characters', () => {
    expect(shingles('The cat, sat!')).toEqual(shingles('the  CAT sat'));
    expect(shingles('the cat sat on it').length).toBe(3);
    expect(shingles('我喜欢猫').length).toBe(2);
    expect([shingles('one').length, shingles('...').length, shingles('').length]).toEqual([1, 0, 0]);
    expect(shingles('a b c d').slice(0, 1)).toEqual(shingles('a b c'));
    expect(shingleHashes('w '.repeat(100), 3, 10).length).toBe(10);
    expect([jaccard([], []), jaccard([1, 1, 2], [2, 3])]).toEqual([1, 1 / 3]);
  });
});

describe('groups', () => {
  const texts = [
    'How do I bake bread at home without a machine and with little time on a weekday evening?',
    'Explain the rules of chess to a child of seven who has never seen the board before today.',
    'How do I bake bread at home without a machine and with little time on a weekday evening!!',
    'Please: How do I bake bread at home without a machine and with little time on a weekday evening?',
    '',
    '',
  ];
  test('similar texts stand together, named by the first; skipped ones stay alone', () => {
    expect([...similarClusters(sign(texts), { threshold: 0.8 })]).toEqual([0, 1, 0, 0, 4, 4]);
    const skip = (item: number): boolean => texts[item] === '';
    expect([...similarClusters(sign(texts), { threshold: 0.8, skip })]).toEqual([0, 1, 0, 0, 4, 5]);
    expect(() => similarClusters({ ...sign([]), hashes: 6 }, { threshold: 0.8 })).toThrow(
      'similarClusters: hashes must be a multiple of 4, got 6',
    );
  });

  test('across two sets', () => {
    const others = ['What is the tallest mountain of Africa, and who climbed it first?', texts[2]!];
    expect([...similarAcross(sign(texts.slice(0, 4)), sign(others), 0.8)]).toEqual([1, -1, 1, 1]);
  });

  test('of many random sets none are joined, of many copies all, in time that does not explode', () => {
    const random = createRandom(3);
    const bytes = Uint8Array.from({ length: 20_000 * 64 }, () => random.nextInt(256));
    const apart = similarClusters({ hashes: 64, count: 20_000, bytes }, { threshold: 0.5 });
    expect(apart.every((head, item) => head === item)).toBe(true);
    const same = similarClusters({ hashes: 64, count: 20_000, bytes: bytes.map((_, i) => i % 64) }, { threshold: 0.5 });
    expect(same.every((head) => head === 0)).toBe(true);
  });
});
