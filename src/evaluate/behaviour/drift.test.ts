import { expect, test } from 'vitest';
import { estimateDrift } from './drift.ts';

test('by hand: nats a token over all tokens, blocks of one document together', () => {
  const drift = estimateDrift([
    { document: 'a', logps: [-1, -2], referenceLogps: [-1, -1] },
    { document: 'a', logps: [-3], referenceLogps: [-2] },
    { document: 'b', logps: [-2], referenceLogps: [-2] },
  ])!;
  expect([drift.documents, drift.tokens, drift.policy.value, drift.reference!.value]).toEqual([2, 4, 2, 1.5]);
  expect(drift.perplexity).toBeCloseTo(Math.exp(2), 12);
  expect(drift.referencePerplexity).toBeCloseTo(Math.exp(1.5), 12);
  // Differences 2 of 3 tokens and 0 of 1: r = 0.5, residuals 0.5 and -0.5.
  expect(drift.difference!.value).toBe(0.5);
  expect(drift.difference!.standardError).toBeCloseTo(Math.sqrt(2 * 0.5) / 4, 14);
  expect(drift.isClear).toBe(true);
});

test('without a reference, and without a token', () => {
  const alone = estimateDrift([{ document: 'a', logps: [-1] }])!;
  expect([alone.reference, alone.difference, alone.isClear]).toEqual([undefined, undefined, false]);
  expect(estimateDrift([{ document: 'a', logps: [] }])).toBeNull();
});
