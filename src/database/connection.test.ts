import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Connection } from './connection.ts';
import { openDatabase } from './database.ts';
import { sql, type SqlStatement } from './sql.ts';
import { NOTEBOOK } from './testing/notebook.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-connection-'));
  path = join(folder, 'notes.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unit = (text: string): SqlStatement[] => [sql('INSERT INTO notes (text) VALUES (?)', text)];
const units = (count: number, name: string): SqlStatement[][] =>
  Array.from({ length: count }, (_, place) => unit(`${name} ${place}`));
/** Whether the file itself has it, without its log. */
const fileHolds = (text: string): boolean => readFileSync(path).includes(text);

test('a quiet moment puts a log that has grown into the file, and no other; never while the file is copied', () => {
  const connection = new Connection(path, NOTEBOOK);
  try {
    connection.write(units(200, 'early'));
    connection.tidy();
    expect(fileHolds('early 199')).toBe(false);
    connection.write(units(56, 'late'));
    connection.tidy();
    expect([fileHolds('early 199'), fileHolds('late 55')]).toEqual([true, true]);

    const bytes = connection.freeze();
    const frozen = readFileSync(path);
    connection.write(units(300, 'frozen'));
    connection.tidy();
    expect(readFileSync(path).equals(frozen)).toBe(true);
    expect(frozen).toHaveLength(bytes);
    connection.thaw();
    expect(fileHolds('frozen 299')).toBe(true);
    expect(connection.check()).toEqual([]);
  } finally {
    connection.close();
  }
});

test('the thread takes such a moment by itself', async () => {
  const database = await openDatabase(path, NOTEBOOK);
  try {
    await Promise.all(units(300, 'noted').map((one) => database.write(one)));
    await expect.poll(() => fileHolds('noted 299'), { timeout: 10_000 }).toBe(true);
  } finally {
    await database.close();
  }
});
