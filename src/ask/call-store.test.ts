import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withSmallDisk } from '../files/testing/support.ts';
import { openCallStore } from './call-store.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-store-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('what was put is there, also after opening again', async () => {
  const path = join(folder, 'deep', 'a.jsonl');
  const store = await openCallStore<{ text: string }>(path);
  await Promise.all(['x', 'y', 'z'].map((key) => store.put(key, { text: `${key}: ü\n"` })));
  expect([store.has('y'), store.has('q'), await store.get('y'), await store.get('q')]).toEqual([
    true,
    false,
    { text: 'y: ü\n"' },
    undefined,
  ]);
  await store.close();
  const again = await openCallStore<{ text: string }>(path);
  expect([again.found, again.broken, await again.get('x'), await again.get('z')]).toEqual([
    3,
    0,
    { text: 'x: ü\n"' },
    { text: 'z: ü\n"' },
  ]);
  await again.put('x', { text: 'newer' });
  expect(await again.get('x')).toEqual({ text: 'newer' });
  await again.close();
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(5);
});

test('a file cut at any byte loses the last line at most, and is continued', async () => {
  const whole = '{"key":"a","value":1}\n{"key":"b","value":2}\n';
  for (let length = 0; length <= whole.length; length++) {
    const path = join(folder, 'cut.jsonl');
    writeFileSync(path, whole.slice(0, length));
    const store = await openCallStore<number>(path);
    const complete = whole.slice(0, length).split('\n').length - 1;
    expect([length, store.found, await store.get('a')]).toEqual([length, complete, complete > 0 ? 1 : undefined]);
    await store.put('c', 3);
    expect(await store.get('c')).toBe(3);
    await store.close();
    const again = await openCallStore<number>(path);
    // What was cut right before its line end is whole with the one that was added.
    const isWhole = length === 21 || length === whole.length - 1;
    expect([length, again.found, await again.get('c')]).toEqual([length, complete + 1 + (isWhole ? 1 : 0), 3]);
    await again.close();
  }
});

test('a line longer than a read, damaged lines, and another process that appends', async () => {
  const path = join(folder, 'long.jsonl');
  const long = 'é'.repeat(1_500_000);
  writeFileSync(
    path,
    `not json\n{"key":7,"value":1}\n\n${JSON.stringify({ key: 'long', value: long })}\n{"key":"s","value":"t"}\n`,
  );
  const store = await openCallStore<string>(path);
  expect([store.found, store.broken, await store.get('long'), await store.get('s')]).toEqual([2, 2, long, 't']);
  const putting = store.put('mine', 'm');
  appendFileSync(path, '{"key":"other","value":"o"}\n');
  await putting;
  expect(await store.get('mine')).toBe('m');
  await store.close();
});

test('a place that cannot be written', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(openCallStore(join(file, 'x.jsonl'))).rejects.toThrow(
    /^.*x\.jsonl: answers of judges must be kept here, got E(EXIST|NOTDIR): .*; name another folder$/,
  );
});

test('a cache that cannot be written is read, goes on in memory and says so once', async () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  const told: string[] = [];
  const onUnwritable = (why: string): void => void told.push(why);
  const nowhere = await openCallStore<number>(join(file, 'cache', 'x.jsonl'), { onUnwritable });
  await nowhere.put('a', 1);
  expect([nowhere.has('a'), await nowhere.get('a'), nowhere.has('b'), told]).toEqual([
    true,
    1,
    false,
    [`a file at ${file}`],
  ]);
  await nowhere.close();
  await expect(openCallStore(join(file, 'cache', 'x.jsonl'))).rejects.toThrow('answers of judges must be kept here');
  const reason = await withSmallDisk(64, async (disk) => {
    const path = join(disk, 'answers.jsonl');
    const full = await openCallStore<string>(path, { onUnwritable });
    await full.put('first', 'kept');
    await full.put('second', 'x'.repeat(100_000));
    await full.put('third', 'in memory');
    expect([(await full.get('second'))!.length, await full.get('third'), told.slice(1)]).toEqual([
      100_000,
      'in memory',
      ['no space left'],
    ]);
    await full.close();
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe('{"key":"first","value":"kept"}');
  });
  if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`);
});
