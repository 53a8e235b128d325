import { expect, test } from 'vitest';
import { cyclicEdges } from './cycles.ts';
import { checkRows, findingOf, linesOf, pairOf, rowsSource } from './testing/support.ts';

function turn(content: string) {
  return [{ role: 'assistant', content }];
}

function conversation(chosen: string, rejected: string) {
  return {
    prompt: [{ role: 'user', content: 'Which?' }],
    chosen: turn(chosen),
    rejected: turn(rejected),
  };
}

/** A pair with a prompt of 40 words. */
function longer(key: string) {
  return {
    ...pairOf(key),
    prompt: Array.from({ length: 40 }, (_, i) => `${key}${i}`).join(' '),
  };
}

test('edges on circles of three and more; contradictions and paths between circles are none', () => {
  // 1>2>3>1 is a circle, 3>4 leads out of it, 4<->5 contradict.
  const edges = [
    [1, 2],
    [2, 3],
    [3, 1],
    [3, 4],
    [4, 5],
    [5, 4],
    [1, 2],
  ] as const;
  expect(cyclicEdges(edges)).toEqual([0, 1, 2, 6]);
  // Two contradictions in a row look like a strongly connected set of three.
  expect(
    cyclicEdges([
      [1, 2],
      [2, 1],
      [2, 3],
      [3, 2],
    ]),
  ).toEqual([]);
  expect(cyclicEdges([[1, 1]])).toEqual([]);
  const long = Array.from({ length: 50_000 }, (_, i) => [i, (i + 1) % 50_000] as const);
  expect(cyclicEdges(long).length).toBe(50_000);
});

test('copies, but not the judgement of another person', async () => {
  const a = pairOf('a');
  const found = await checkRows([a, pairOf('b'), a, { ...a, annotator: 'x' }, { ...a, prompt: ` ${a.prompt} ` }]);
  expect(linesOf(found, 'duplicates')).toEqual([3, 5]);
  expect(findingOf(found, 'duplicates')).toMatchObject({
    severity: 'serious',
    count: 2,
    sentence: '2 rows (40.0 %) repeat an earlier row word for word',
    advice: 'remove the copies: preftune data clean --apply duplicates',
  });
  expect(linesOf(found, 'near-duplicates')).toEqual([]);
});

test('near-duplicates: small edits count, other answers to one prompt do not', async () => {
  const a = pairOf('a');
  const edited = { ...a, rejected: a.rejected.replace('ra11', 'other') };
  const others = { ...pairOf('b'), prompt: a.prompt };
  const found = await checkRows([a, edited, others, { ...a, prompt: pairOf('z').prompt }]);
  expect(linesOf(found, 'near-duplicates')).toEqual([2]);
});

test('contradictions: the minority goes, and all where both are equally many', async () => {
  const [a, b] = [pairOf('a'), pairOf('b')];
  const swap = ({ prompt, chosen, rejected }: typeof a) => ({ prompt, chosen: rejected, rejected: chosen });
  const found = await checkRows([a, { ...a, annotator: 'x' }, swap(a), b, swap(b), pairOf('c')]);
  const finding = findingOf(found, 'contradictions')!;
  expect(linesOf(found, 'contradictions')).toEqual([1, 2, 3, 4, 5]);
  expect([...finding.removable!]).toEqual([3, 4, 5]);
  expect(finding.sentence).toBe(
    '5 rows (83.3 %) prefer one answer where another row prefers the other, on 2 comparisons',
  );
});

test('a circle of preference, over conversations too', async () => {
  const found = await checkRows(['AB', 'BC', 'CA', 'AD'].map(([a, b]) => conversation(a!, b!)));
  expect(linesOf(found, 'cycles')).toEqual([1, 2, 3]);
});

test('leaks: the same prompt, and one that is nearly the same', async () => {
  const a = pairOf('a');
  const near = { ...longer('n'), prompt: `${longer('n').prompt} please` };
  const heldOut = [rowsSource([{ ...pairOf('x'), prompt: a.prompt }, longer('n'), pairOf('y')], 'test.jsonl')];
  const found = await checkRows([a, near, pairOf('b')], { heldOut });
  expect(linesOf(found, 'leakage')).toEqual([1, 2]);
  expect(findingOf(found, 'leakage')!.values).toEqual({ same: 1, near: 1, heldOutRows: 3, heldOutTouched: 1 });
});
