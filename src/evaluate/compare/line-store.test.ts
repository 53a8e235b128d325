import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder, thrownBy } from '../../files/testing/support.ts';
import { openLineStore } from './line-store.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = makeTemporaryFolder();
  path = join(folder, 'rows.jsonl');
});
afterEach(() => removeFolder(folder));

const WHOLE = '{"format":1}\n{"a":1}\n{"a":2}\n';

test('a file cut at any byte, its first line included, goes on to the same file', () => {
  for (let length = 0; length <= WHOLE.length; length++) {
    writeFileSync(path, WHOLE.slice(0, length));
    const store = openLineStore<{ a: number }>(path, { format: 1 }, 'answers');
    const whole = Math.max(0, WHOLE.slice(0, length).split('\n').length - 2);
    expect([length, store.rows]).toEqual([length, [{ a: 1 }, { a: 2 }].slice(0, whole)]);
    store.append([{ a: 1 }, { a: 2 }].slice(whole));
    expect(store.rows).toEqual([{ a: 1 }, { a: 2 }]);
    store.close();
    expect(readFileSync(path, 'utf8')).toBe(WHOLE);
  }
});

test('the rows of other settings and a line that is no JSON are refused, and nothing is touched', async () => {
  writeFileSync(path, WHOLE);
  expect((await thrownBy(() => openLineStore(path, { format: 2 }, 'answers of base'))).message).toBe(
    `${path}: must hold answers of base, it holds those of other settings; choose another --output`,
  );
  writeFileSync(path, '{"format":1}\n{"a":1}\nnot\n{"a":');
  expect((await thrownBy(() => openLineStore(path, { format: 1 }, 'answers'))).message).toBe(
    `${path}:3: must be JSON; remove the line, and it is made again`,
  );
  expect(readFileSync(path, 'utf8')).toBe('{"format":1}\n{"a":1}\nnot\n{"a":');
});
