import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRows } from '../rows.ts';
import { filesOfPath } from '../sources/node-paths.ts';
import { memorySource } from '../sources/source.ts';

async function read(content: string | Uint8Array, name = 'd.jsonl') {
  const rows: unknown[] = [];
  const problems: string[] = [];
  for await (const event of readRows(memorySource(name, content))) {
    if (event.kind === 'problems') problems.push(...event.problems.map(({ line, message }) => `${line}: ${message}`));
    else if (event.kind !== 'format') rows.push(event.row.prompt);
  }
  return { rows, problems };
}

const MUST = 'data must be rows as JSON, JSON lines, CSV or Parquet, got';
const row = (prompt: string): string => JSON.stringify({ prompt, chosen: 'The Nile.', rejected: 'Etna.' });
const pretty = (prompt: string): string => JSON.stringify({ prompt, chosen: 'The Nile.', rejected: 'Etna.' }, null, 2);
const bytes = (...head: number[]): Uint8Array => Uint8Array.from([...head, 0, 0, 0, 0, 0, 0, 0, 0]);

describe('a file that holds no rows is told once, by what it is', () => {
  test.each<[string, string | Uint8Array, string, string]>([
    [
      'an Arrow stream',
      bytes(0xff, 0xff, 0xff, 0xff),
      'd.arrow',
      'an Arrow stream (as datasets saves it); write it as Parquet',
    ],
    ['an Arrow file', 'ARROW1\0\0....', 'd.arrow', 'an Arrow file; write it as Parquet'],
    ['a pickle', bytes(0x80, 0x04, 0x95), 'd.jsonl', 'a Python pickle; write its rows as JSON lines'],
    [
      'a pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 4\n',
      'd.jsonl',
      'a Git LFS pointer in place of the file; fetch the file itself: git lfs pull',
    ],
    [
      'a page',
      '<!DOCTYPE html>\n<html>Sign in</html>',
      'd.jsonl',
      'an HTML page; the download failed or wanted a login',
    ],
    [
      'dicts of Python',
      "{'prompt': 'Q', 'chosen': 'a', 'rejected': None}\n",
      'd.jsonl',
      "Python's dicts; write them as JSON",
    ],
    ['a table', 'prompt,chosen,rejected\na,b,c\n', 'd.jsonl', 'a table (CSV); name it .csv (or .tsv)'],
    ['JSON', `[${row('Q')}]`, 'd.csv', 'JSON under the name of a table; name it .json or .jsonl'],
    [
      'commas',
      `${row('Q')},\n${row('R')},\n`,
      'd.jsonl',
      'objects with commas between the lines; take the commas away',
    ],
    [
      'pretty objects',
      `${pretty('Q')}\n${pretty('R')}\n`,
      'd.jsonl',
      'objects over several lines; write one object a line (jq -c . FILE)',
    ],
    [
      'an object around them',
      JSON.stringify({ data: [JSON.parse(row('Q'))] }),
      'd.json',
      'one object whose rows are under data; write that list alone (jq .data FILE > rows.json)',
    ],
    [
      'a pretty object around them',
      JSON.stringify({ version: 1, rows: [JSON.parse(row('Q'))] }, null, 1),
      'd.json',
      'one object whose rows are under rows; write that list alone',
    ],
    [
      'columns',
      JSON.stringify({ prompt: ['Q', 'R'], chosen: ['a', 'b'], rejected: ['c', 'd'] }),
      'd.json',
      'a table of columns; write rows',
    ],
    [
      'columns by index',
      JSON.stringify({ prompt: { 0: 'Q' }, chosen: { 0: 'a' }, rejected: { 0: 'c' } }),
      'd.json',
      'a table of columns; write rows',
    ],
  ])('%s', async (_name, content, name, what) => {
    await expect(read(content, name)).rejects.toThrow(`${name}: ${MUST} ${what}`);
  });

  test('folders: what save_to_disk leaves is named, a registry beside the rows is no data', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'preftune-folder-'));
    try {
      writeFileSync(join(folder, 'dataset_info.json'), '{}');
      writeFileSync(join(folder, 'pairs.json'), `[${row('Q')}]`);
      expect((await filesOfPath(folder)).sources.map(({ name }) => name)).toEqual([join(folder, 'pairs.json')]);
      writeFileSync(join(folder, 'dataset_dict.json'), '{"splits": ["train"]}');
      await expect(filesOfPath(folder)).rejects.toThrow(
        `${MUST} a folder of datasets' save_to_disk (Arrow files); write it as Parquet`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('what is read all the same', () => {
  test('a byte order mark at the beginning of later lines, where files were joined', async () => {
    expect(await read(`${row('Q')}\n\uFEFF${row('R')}\n`)).toEqual({ rows: ['Q', 'R'], problems: [] });
  });

  test('NaN and Infinity of Python are null; in a text they are text', async () => {
    const lines = [
      '{"prompt": "Q", "chosen": "NaN", "rejected": "-Infinity", "score": NaN}',
      '{"prompt": "R", "chosen": "a", "rejected": NaN}',
    ];
    expect(await read(`${row('P')}\n${lines.join('\n')}`)).toEqual({
      rows: ['P', 'Q'],
      problems: ['3: rejected must be a text or a list of messages, got null'],
    });
  });

  test('one broken line among rows is a problem of its own', async () => {
    const { rows, problems } = await read(`${row('Q')}\n<html>\n`);
    expect([rows, problems.length]).toEqual([['Q'], 1]);
  });
});

test('half of an emoji is a problem with its field, a whole one is text', async () => {
  const half = '{"prompt": "Q", "chosen": "Yes \\ud83d\\ude00", "rejected": "No \\ud83d"}';
  const whole = '{"prompt": "R", "chosen": "Yes \\ud83d\\ude00", "rejected": "No"}';
  expect(await read(`${half}\n${whole}\n`)).toEqual({
    rows: ['R'],
    problems: [
      '1: rejected must be whole text, got half of a surrogate pair (half an emoji) at character 4; write it again, or take it away',
    ],
  });
});
