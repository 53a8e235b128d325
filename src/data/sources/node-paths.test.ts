import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selectSplit, splitOf } from './data-files.ts';
import { filesOfPath } from './node-paths.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'preftune-paths-'));
  const files = [
    'one/b.jsonl',
    'one/a.jsonl.gz',
    'one/notes.txt',
    'one/split.json',
    'one/.hidden.jsonl',
    'mixed/a.jsonl',
    'mixed/b.parquet',
    'mixed/c.parquet',
    'splits/train.jsonl',
    'splits/test.jsonl',
    'deep/x/1.csv',
    'deep/y/2.csv',
    'odd/a[1].jsonl',
    'none/readme.md',
    'prefs/train_prefs.jsonl',
    'prefs/test_prefs.jsonl',
  ];
  for (const file of files) {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), '{}');
  }
});
afterAll(() => rmSync(root, { recursive: true }));

async function found(path: string, split?: string): Promise<{ files: string[]; notes: string[] }> {
  const { sources, notes } = await filesOfPath(join(root, path), split);
  return {
    files: sources.map(({ name }) => relative(root, name)),
    notes: notes.map((note) => note.replaceAll(`${root}/`, '')),
  };
}

test('a folder has its data files in the order of their names, and says what is none', async () => {
  expect(await found('one')).toEqual({
    files: ['one/a.jsonl.gz', 'one/b.jsonl'],
    notes: ['one: not data: notes.txt, split.json'],
  });
  expect(await found('one/notes.txt')).toEqual({ files: ['one/notes.txt'], notes: [] });
});

test('what was set aside is not taken with the rest', async () => {
  expect(await found('splits')).toEqual({
    files: ['splits/train.jsonl'],
    notes: ['splits: the split train is taken; there are also test (write splits:test)'],
  });
  expect(await found('splits', 'test')).toEqual({ files: ['splits/test.jsonl'], notes: [] });
  await expect(found('splits', 'dev')).rejects.toThrow(
    'splits: data must have the split dev, got test.jsonl, train.jsonl',
  );
  await expect(found('prefs')).rejects.toThrow(
    'prefs: one split must be named, got test_prefs.jsonl, train_prefs.jsonl; write ',
  );
  expect((await found('prefs', 'test_prefs')).files).toEqual(['prefs/test_prefs.jsonl']);
});

test('files of several kinds, none, and folders of folders say what to do', async () => {
  await expect(found('mixed')).rejects.toThrow(
    'mixed: a data folder must hold files of one kind, got 1 of JSON lines (a.jsonl), 2 of Parquet (b.parquet, c.parquet); name the files, or a pattern such as ',
  );
  await expect(found('none')).rejects.toThrow(
    'none: a data folder must hold data files (.jsonl, .json, .parquet, .csv, .tsv; packed as .gz or .zst), got readme.md',
  );
  await expect(found('deep')).rejects.toThrow(
    'got none beside the folders x, y; name one of them, or a pattern such as ',
  );
});

test('patterns: every data file that matches, sorted; a file that is called like one goes first', async () => {
  expect((await found('deep/**/*.csv')).files).toEqual(['deep/x/1.csv', 'deep/y/2.csv']);
  expect((await found('{one,splits}/*')).files).toEqual([
    'one/a.jsonl.gz',
    'one/b.jsonl',
    'splits/test.jsonl',
    'splits/train.jsonl',
  ]);
  expect((await found('mixed/*.parquet')).files).toEqual(['mixed/b.parquet', 'mixed/c.parquet']);
  expect((await found('odd/a[1].jsonl')).files).toEqual(['odd/a[1].jsonl']);
  await expect(found('one/*.md')).rejects.toThrow(
    'one/*.md: the pattern must match data files (.jsonl, .json, .parquet, .csv, .tsv; packed as .gz or .zst), got none',
  );
  await expect(found('none/*')).rejects.toThrow('readme.md');
});

test('splits that paths say', () => {
  const cases: [string, string | undefined][] = [
    ['train.jsonl', 'train'],
    ['data/train-00000-of-00002-3f2a11.parquet', 'train'],
    ['data/test_prefs-00000-of-00001.parquet', 'test_prefs'],
    ['helpful-base/train.jsonl.gz', 'train'],
    ['default/train/0000.parquet', 'train'],
    ['default/partial-train/0003.parquet', 'train'],
    ['validation/part.csv.zst', 'validation'],
    ['pairs.jsonl', undefined],
    ['trainer.jsonl', undefined],
    ['testimony.jsonl', undefined],
    ['held-out.jsonl', 'held-out'],
  ];
  expect(cases.map(([path]) => splitOf(path))).toEqual(cases.map(([, split]) => split));
});

test('a selection never guesses between splits, and finds splits by any name that is asked for', () => {
  const files = ['a/harmless.jsonl', 'a/helpful.jsonl'];
  expect(selectSplit(files)).toEqual({ files, split: undefined, splits: [] });
  expect(selectSplit(files, 'helpful')).toEqual({ files: ['a/helpful.jsonl'], split: 'helpful', splits: [] });
  expect(selectSplit(['test.csv', 'dev.csv'])).toBe(undefined);
  expect(selectSplit(['test.csv'])).toEqual({ files: ['test.csv'], split: 'test', splits: ['test'] });
  expect(selectSplit(['test.csv', 'other.csv'])).toEqual({ files: ['test.csv'], split: 'test', splits: ['test'] });
  expect(selectSplit(files, 'h.*')).toBe(undefined);
});
