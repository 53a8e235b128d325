import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkReliability } from './check.ts';
import { cleanData, type Remedy } from './clean.ts';
import { pairOf, rowsSource } from './testing/support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-clean-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function clean(rows: readonly unknown[], remedies: readonly Remedy[]) {
  const sources = [rowsSource(rows)];
  const reliability = await checkReliability(sources, { languages: false });
  const result = await cleanData({ sources, reliability, remedies, output: join(folder, 'out.jsonl') });
  const read = (name: string): unknown[] =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  return { result, kept: read('out.jsonl'), removed: read('out.jsonl.removed.jsonl') };
}

test('what stays is unchanged in fields and order; what goes has its line and its reasons', async () => {
  const a = pairOf('a', { extra: { deep: [1] } });
  const identical = { ...a, rejected: a.chosen };
  const { result, kept, removed } = await clean([a, identical, pairOf('b'), a], ['duplicates', 'identical']);
  expect(kept).toEqual([a, pairOf('b')]);
  expect(removed).toEqual([
    { file: 'pairs.jsonl', line: 2, reasons: ['identical'], record: identical },
    { file: 'pairs.jsonl', line: 4, reasons: ['duplicates'], record: a },
  ]);
  expect(result).toMatchObject({ kept: 2, removed: 2, masked: 0, reasons: { identical: 1, duplicates: 1 } });
  expect(readdirSync(folder).toSorted()).toEqual(['out.jsonl', 'out.jsonl.removed.jsonl']);
});

test('personal data are masked in every text of a record, or their rows dropped', async () => {
  const a = pairOf('a', { chosen: 'Ask jane@mail.org.', notes: ['see joe@mail.org'] });
  const masked = await clean([a, pairOf('b')], ['mask-personal-data']);
  expect(masked.kept).toEqual([{ ...a, chosen: 'Ask [email].', notes: ['see [email]'] }, pairOf('b')]);
  expect(masked.result).toMatchObject({ kept: 2, removed: 0, masked: 1 });
  expect((await clean([a, pairOf('b')], ['personal-data'])).kept).toEqual([pairOf('b')]);
});

test('a record that cannot be used is never left out in silence, and nothing is half-written', async () => {
  const a = pairOf('a');
  await expect(clean([a, { ...a, rejected: a.chosen }], ['duplicates'])).rejects.toThrow(
    'data clean: --apply must say what becomes of 1 rows that cannot be used (identical); add identical, or mend them first',
  );
  expect(readdirSync(folder)).toEqual([]);
  const reliability = await checkReliability([rowsSource([a])], { languages: false });
  const sources = [rowsSource([a])];
  const controller = new AbortController();
  controller.abort();
  const output = join(folder, 'out.jsonl');
  await expect(
    cleanData({ sources, reliability, remedies: ['duplicates'], output, signal: controller.signal }),
  ).rejects.toThrow('data clean: stopped, nothing was written');
  expect(readdirSync(folder)).toEqual([]);
  await expect(
    cleanData({ sources, reliability, remedies: [], output: join(folder, 'none', 'x.jsonl') }),
  ).rejects.toThrow(`must lie in a folder that exists, got no ${join(folder, 'none')}; make it, or name another`);
});
