import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shellWords } from '../../core/index.ts';
import { STARTER_MODEL } from '../start/starter.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-split-'));
  const lines = Array.from({ length: 200 }, (_, i) => `{"prompt": "p${i % 50}", "chosen": "a${i}", "rejected": "b"}`);
  writeFileSync(join(folder, 'a.jsonl'), lines.join('\n'));
  writeFileSync(join(folder, 'b.csv'), 'prompt,chosen,rejected\np1,x,y\nnew,x,y\n');
  writeFileSync(join(folder, 'bad.jsonl'), `${lines.join('\n')}\n{"prompt": "p", "chosen": "a", "rejected": "a"}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const main = join(import.meta.dirname, '../main.ts');
  const options = { cwd: join(import.meta.dirname, '../../..') };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', main, 'data', 'split', ...words],
      options,
      (_, out, err) => resolve({ code: child.exitCode!, out, err }),
    );
  });
}

const promptsOf = (path: string): Set<string> =>
  new Set(
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { prompt: string }).prompt),
  );

test('writes both sides and how they came to be; the same seed again is the same, another is not', async () => {
  const split = (output: string, seed: string) =>
    run(
      join(folder, 'a.jsonl'),
      '--data',
      join(folder, 'b.csv'),
      '--held-out',
      '0.2',
      '--seed',
      seed,
      '--output',
      join(folder, output),
    );
  const [first, again, other] = await Promise.all([split('s1', '7'), split('s2', '7'), split('s3', '8')]);
  expect([first.code, first.err]).toEqual([0, '']);
  expect(readdirSync(join(folder, 's1')).toSorted()).toEqual(['split.json', 'test.jsonl', 'train.jsonl']);
  const record = JSON.parse(readFileSync(join(folder, 's1/split.json'), 'utf8')) as Record<string, unknown>;
  const files = record['files'] as { train: { rows: number }; heldOut: { rows: number } };
  expect(record).toMatchObject({
    data: [join(folder, 'a.jsonl'), join(folder, 'b.csv')],
    heldOut: 0.2,
    seed: 7,
    threshold: 0.2,
    skipped: 0,
    sources: [
      { name: join(folder, 'a.jsonl'), records: 200 },
      { name: join(folder, 'b.csv'), records: 2 },
    ],
  });
  expect(files.train.rows + files.heldOut.rows).toBe(202);
  const [train, heldOut] = ['train', 'test'].map((name) => promptsOf(join(folder, 's1', `${name}.jsonl`)));
  expect([...train!].filter((prompt) => heldOut!.has(prompt))).toEqual([]);
  expect(train!.size + heldOut!.size).toBe(51);
  for (const name of ['train.jsonl', 'test.jsonl'])
    expect(readFileSync(join(folder, 's2', name), 'utf8')).toBe(readFileSync(join(folder, 's1', name), 'utf8'));
  expect([again.code, other.code]).toEqual([0, 0]);
  expect(readFileSync(join(folder, 's3/test.jsonl'), 'utf8')).not.toBe(
    readFileSync(join(folder, 's1/test.jsonl'), 'utf8'),
  );
  expect(shellWords(first.out.split('next: ')[1]!)).toEqual(
    `npx preftune dpo --model ${STARTER_MODEL} --data ${folder}/s1:train --held-out ${folder}/s1:test --output run`.split(
      ' ',
    ),
  );
});

test('bad rows, a folder with files, and options that cannot hold leave nothing behind', async () => {
  const bad = join(folder, 'bad.jsonl');
  const before = readdirSync(folder).toSorted();
  const [strict, full, share, none] = await Promise.all([
    run(bad, '--output', join(folder, 'x1')),
    run(bad, '--output', folder),
    run(bad, '--output', join(folder, 'x2'), '--held-out', '1'),
    run('--output', join(folder, 'x3')),
  ]);
  expect([strict.code, strict.err]).toEqual([
    2,
    `${bad}:201: chosen and rejected must differ, got "a" on both sides; drop the row, it teaches nothing\n`,
  ]);
  expect([full.code, full.err]).toEqual([
    2,
    `${folder}: the output must be a new or empty folder, got one with files; name another\n`,
  ]);
  expect([share.code, share.err]).toEqual([2, '--held-out must be below 1, got 1\n']);
  expect([none.code, none.err]).toEqual([2, 'data is required; files, folders, patterns or hub ids of rows\n']);
  expect(readdirSync(folder).toSorted()).toEqual(before);
  const lenient = await run(bad, '--output', join(folder, 'x4'), '--lenient');
  expect([lenient.code, existsSync(join(folder, 'x4/train.jsonl'))]).toEqual([0, true]);
  expect(lenient.out).toContain('left out: 1 rows that are wrong');
});
