import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashText } from './hash.ts';
import { hashOfPrompt, sideOfPrompt, splitByPrompt } from './split.ts';

const setOf = (prompts: readonly string[]) => ({
  count: prompts.length,
  promptHashes: Float64Array.from(prompts, hashOfPrompt),
});

test('a prompt never stands on both sides, every row stands on one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', ' b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 30 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.nat(),
      (prompts, fraction, seed) => {
        const { train, heldOut } = splitByPrompt(setOf(prompts), { fraction, seed });
        expect([...train, ...heldOut].toSorted((a, b) => a - b)).toEqual(prompts.map((_, index) => index));
        const trimmed = (indices: Int32Array) => new Set([...indices].map((index) => prompts[index]!.trim()));
        expect([...trimmed(train)].filter((prompt) => trimmed(heldOut).has(prompt))).toEqual([]);
        if (fraction > 0 && new Set(prompts.map((prompt) => prompt.trim())).size > 1)
          expect(Math.min(train.length, heldOut.length)).toBeGreaterThan(0);
        if (fraction === 0) expect(heldOut.length).toBe(0);
      },
    ),
  );
});

test('about the fraction is held out, and a side stays as rows are added', () => {
  const prompts = Array.from({ length: 10_000 }, (_, index) => `prompt ${index}`);
  const { heldOut } = splitByPrompt(setOf(prompts), { fraction: 0.1, seed: 7 });
  // Binomial(10000, 0.1): standard deviation 30.
  expect(Math.abs(heldOut.length - 1000)).toBeLessThan(120);
  const half = splitByPrompt(setOf(prompts.slice(0, 5000)), { fraction: 0.1, seed: 7 });
  expect([...half.heldOut]).toEqual([...heldOut].filter((index) => index < 5000));
  expect(sideOfPrompt(prompts[heldOut[0]!]!, { fraction: 0.1, seed: 7 })).toBe('heldOut');
  expect(splitByPrompt(setOf(prompts), { fraction: 0.1, seed: 8 }).heldOut).not.toEqual(heldOut);
});

test('turns are the same prompt whatever the order of keys and the space around them', () => {
  expect(hashOfPrompt([{ role: 'user', content: 'a ' }])).toBe(hashOfPrompt([{ content: 'a', role: 'user' }]));
  expect(hashOfPrompt('a')).not.toBe(hashOfPrompt('b'));
});

test('the hash is the same everywhere, and short texts do not collide', () => {
  expect(hashText('preftune')).toMatchInlineSnapshot(`
    [
      609478731,
      955596018,
    ]
  `);
  const seen = new Set<string>();
  for (let i = 0; i < 200_000; i++) seen.add(hashText(String(i)).join());
  expect(seen.size).toBe(200_000);
});

test('a fraction outside [0, 1) is refused', () => {
  expect(() => splitByPrompt(setOf(['a']), { fraction: 1, seed: 0 })).toThrow(
    'split: fraction must be in [0, 1), got 1',
  );
});
