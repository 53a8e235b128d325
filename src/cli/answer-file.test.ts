import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder, thrownBy } from '../files/testing/support.ts';
import { openAnswerFile } from './answer-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = makeTemporaryFolder();
  path = join(folder, 'answers.jsonl');
});
afterEach(() => removeFolder(folder));

const ROWS = [{ id: 'a' }, { id: 'b' }];
const PART = '{"seed":1}\n{"id":"a"}\n{"id":"b"}\n';

test('a part cut at any byte, its first line included, goes on to the same file', () => {
  for (let length = 0; length <= PART.length; length++) {
    writeFileSync(`${path}.part`, PART.slice(0, length));
    const file = openAnswerFile(path, { seed: 1 });
    expect([length, file.count]).toEqual([length, Math.max(0, PART.slice(0, length).split('\n').length - 2)]);
    for (const row of ROWS.slice(file.count)) file.append(row);
    expect(readFileSync(`${path}.part`, 'utf8')).toBe(PART);
    file.finish();
    file.close();
    expect([readdirSync(folder), readFileSync(path, 'utf8')]).toEqual([['answers.jsonl'], '{"id":"a"}\n{"id":"b"}\n']);
    removeFolder(path);
  }
});

test('a file that is there and a part of other settings are refused', async () => {
  writeFileSync(`${path}.part`, PART);
  expect((await thrownBy(() => openAnswerFile(path, { seed: 2 }))).message).toBe(
    `${path}.part: holds answers of other settings, from a command that was stopped; remove it, or name another --output`,
  );
  writeFileSync(path, '');
  expect((await thrownBy(() => openAnswerFile(path, { seed: 1 }))).message).toBe(
    `${path}: the output must not exist yet, got a file; name another --output`,
  );
});
