import { expect, test } from 'vitest';
import { loadPairs } from './load.ts';
import { memorySource } from './sources/source.ts';
import { splitRecords, type SplitRecordsOptions } from './split-records.ts';
import { splitByPrompt } from './split.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ prompt: `p${i % 300}`, chosen: `a${i}`, rejected: 'b', id: i }),
  );

async function split(
  text: string | readonly string[],
  options: Partial<SplitRecordsOptions> & { threshold?: number } = {},
) {
  const content = typeof text === 'string' ? text : text.join('\n');
  const out: { train: string[]; heldOut: string[] } = { train: [], heldOut: [] };
  const source = memorySource('d.jsonl', content);
  const summary = await splitRecords([source], { fraction: 0.2, seed: 5, ...options }, (side, line) =>
    out[side].push(line),
  );
  return { ...out, summary };
}

test('every row on the side where training has it, as it stood', async () => {
  const rows = lines(900);
  const { train, heldOut, summary } = await split(rows);
  const loaded = await loadPairs(memorySource('d', rows.join('\n')), { tokenizer: createTestingTokenizer() });
  const wanted = splitByPrompt(loaded.rows, { fraction: 0.2, seed: 5 });
  expect(heldOut).toEqual([...wanted.heldOut].map((index) => rows[index]));
  expect(train).toEqual([...wanted.train].map((index) => rows[index]));
  expect(summary.counts).toEqual({ train: train.length, heldOut: heldOut.length });
  expect([summary.sources, summary.skipped, summary.used, summary.right]).toEqual([
    [{ name: 'd.jsonl', records: 900 }],
    0,
    0.2,
    0.2,
  ]);
});

test("few prompts: the threshold that leaves no side empty is training's", async () => {
  const rows = lines(3);
  const first = await split(rows, { fraction: 0.001 });
  expect([first.heldOut.length, first.summary.right > first.summary.used]).toEqual([0, true]);
  const { heldOut } = await split(rows, { fraction: 0.001, threshold: first.summary.right });
  const loaded = await loadPairs(memorySource('d', rows.join('\n')), { tokenizer: createTestingTokenizer() });
  const wanted = splitByPrompt(loaded.rows, { fraction: 0.001, seed: 5 });
  expect(heldOut).toEqual([...wanted.heldOut].map((index) => rows[index]));
  expect(heldOut.length).toBe(1);
});

test('digits and spacing survive; elements of a list become lines', async () => {
  const big = '{"prompt": "p", "chosen": "a\\n",\n  "rejected": "b", "id": 12345678901234567890}';
  const { train, heldOut } = await split(`[${big}, {"prompt":"q","chosen":"a","rejected":"b"}]`);
  expect([...train, ...heldOut].toSorted()).toEqual([
    '{"prompt": "p", "chosen": "a\\n",   "rejected": "b", "id": 12345678901234567890}',
    '{"prompt":"q","chosen":"a","rejected":"b"}',
  ]);
});

test('rows that are wrong are left out and reported; nothing usable is an error', async () => {
  const { train, heldOut, summary } = await split(['{"prompt":"p","chosen":"a","rejected":"a"}', ...lines(2), '{"p']);
  expect([train.length + heldOut.length, summary.skipped, summary.problems.counts]).toEqual([
    2,
    2,
    { 'identical-sides': 1, 'invalid-json': 1 },
  ]);
  await expect(split('{"prompt":"p","chosen":"a","rejected":"a"}')).rejects.toThrow(
    'd.jsonl:1: chosen and rejected must differ',
  );
  await expect(split(lines(2), { fraction: 1 })).rejects.toThrow('split: fraction must be in [0, 1), got 1');
  await expect(split(lines(2), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
});
