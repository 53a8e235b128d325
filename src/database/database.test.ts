import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase, type Database } from './database.ts';
import { requiredSql, sql, type SqlRow } from './sql.ts';
import { NOTEBOOK } from './testing/notebook.ts';

let folder: string;
let path: string;
let open: Database[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-database-'));
  path = join(folder, 'notes.db');
});
afterEach(async () => {
  for (const database of open) await database.close();
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

async function opened(kind = NOTEBOOK, at = path): Promise<Database> {
  const database = await openDatabase(at, kind);
  open.push(database);
  return database;
}

const add = (text: string, id: number | null = null) => sql('INSERT INTO notes (id, text) VALUES (?, ?)', id, text);
const texts = async (database: Database) =>
  (await database.read(sql('SELECT text FROM notes ORDER BY id'))).map(({ text }) => text);

const FILL = join(import.meta.dirname, 'testing', 'fill.ts');

const HOSTILE = [
  "'; DROP TABLE notes; --",
  '") OR 1=1 --',
  'a\0b',
  '\0',
  '',
  '\uD800 half',
  'half \uDFFF',
  '\u0001',
  '\u0001"a"',
  '👩‍👩‍👧‍👦 🇩🇪 é e\u0301',
  '\u202Eright to left\uFEFF',
  '?1 :name @name $name',
  '\\u0000',
  '%_*',
  'x'.repeat(4_000_000),
];

test('every text comes back as it was, and is found by itself', async () => {
  const database = await opened();
  await database.write(HOSTILE.map((text) => add(text)));
  expect(await texts(database)).toEqual(HOSTILE);
  for (const [place, text] of HOSTILE.entries())
    expect(await database.read(sql('SELECT id FROM notes WHERE text = ?', text))).toEqual([{ id: place + 1 }]);
  await database.close();
  expect(await texts(await opened())).toEqual(HOSTILE);
});

test('so does any other', async () => {
  const database = await opened();
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
      const [row] = await database.read(sql('SELECT ? AS text, ? = ? AS equal', text, text, text));
      expect(row).toEqual({ text, equal: 1 });
    }),
    { numRuns: 200 },
  );
});

test('what SQLite would turn into something else is refused', async () => {
  const database = await opened();
  const refused = [Number.NaN, Number.POSITIVE_INFINITY, true, new Date(0), {}, 5n];
  for (const value of refused)
    await expect(database.write([sql('SELECT ?', value as never)])).rejects.toThrow(
      'a database takes texts, finite numbers and null',
    );
  const kept = [0.1, -1e300, 2 ** 53 - 1, 0, null];
  const rows = await database.read(sql('SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e', ...kept.slice(0, 3), -0, null));
  expect(Object.values(rows[0]!)).toEqual(kept);
});

test('of writes that share a commit, one that fails leaves no trace and touches no other', async () => {
  const database = await opened();
  const writes = [
    [add('a', 1)],
    [add('b', 2), add('c', 1)],
    [add('d', 3), requiredSql('UPDATE notes SET size = 1 WHERE id = 99'), add('e', 4)],
    [add('f', 5), sql('SELECT count(*) AS count FROM notes')],
    [sql('INSERT INTO nowhere VALUES (1)')],
    [requiredSql('UPDATE notes SET size = 2 WHERE id = ?', 1)],
  ];
  const outcomes = await Promise.allSettled(writes.map((statements) => database.write(statements)));
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason)))).toEqual([
    [{ changes: 1, rows: [] }],
    expect.stringContaining('must hold each id once, got UNIQUE constraint failed: notes.id'),
    undefined,
    [
      { changes: 1, rows: [] },
      { changes: 0, rows: [{ count: 2 }] },
    ],
    expect.stringContaining('internal:'),
    [{ changes: 1, rows: [] }],
  ]);
  expect(await texts(database)).toEqual(['a', 'f']);
});

test('the write-ahead log stays small however much goes through it', async () => {
  const database = await opened();
  let most = 0;
  for (let round = 0; round < 40; round++) {
    await database.write([add(`${round} `.repeat(900_000 / `${round} `.length))]);
    most = Math.max(most, statSync(`${path}-wal`).size);
  }
  expect(statSync(path).size).toBeGreaterThan(30_000_000);
  expect(most).toBeLessThan(19_000_000);
  // One huge write grows it once; it is cut when the next one begins at its start.
  await database.write([add('x'.repeat(30_000_000))]);
  await database.write([add('y')]);
  await database.checkpoint();
  expect(statSync(`${path}-wal`).size).toBe(0);
});

test('a backup is of one moment, and whole, while others write', async () => {
  const database = await opened();
  await database.write([add('first', 1), add('x'.repeat(3_000_000), 2)]);
  const copy = join(folder, 'copy.db');
  let written = 2;
  const done = new AbortController();
  const writing = (async () => {
    for (; !done.signal.aborted; written++) await database.write([add(`n ${written}`.repeat(100), written + 1)]);
  })();
  await database.backup(copy);
  await database.checkpoint();
  done.abort();
  await writing;
  await expect(database.backup(copy)).rejects.toThrow('must not be there yet; name another file');
  const restored = await opened(NOTEBOOK, copy);
  expect(await restored.check()).toEqual([]);
  const [row] = await restored.read(sql('SELECT count(*) AS count, max(id) AS last FROM notes'));
  expect(row!.count).toBe(row!.last);
  expect(Number(row!.count)).toBeGreaterThanOrEqual(2);
  expect(Number(row!.count)).toBeLessThanOrEqual(written);
  expect(await database.check()).toEqual([]);
});

test('versions: missing steps are done in one transaction, a newer file and a stranger are refused', async () => {
  await (await opened()).write([add('kept')]);
  await open.pop()!.close();
  const broken = [...NOTEBOOK.migrations, { version: 2, script: 'CREATE TABLE extra (a) ; CREATE TABLE notes (a);' }];
  await expect(openDatabase(path, { ...NOTEBOOK, migrations: broken })).rejects.toThrow('table notes already exists');
  const second = {
    version: 2,
    script: 'ALTER TABLE notes ADD COLUMN colour TEXT; CREATE TABLE extra (a TEXT) STRICT;',
  };
  const newer = await opened({ ...NOTEBOOK, migrations: [...NOTEBOOK.migrations, second] });
  expect(await newer.read(sql('SELECT text, colour FROM notes'))).toEqual([{ text: 'kept', colour: null }]);
  await open.pop()!.close();
  await expect(openDatabase(path, NOTEBOOK)).rejects.toThrow(
    `${path}: must have version 1 or an older one, got version 2, which a newer preftune wrote; update preftune`,
  );
  await expect(openDatabase(path, { ...NOTEBOOK, name: 'ledger', applicationId: 7 })).rejects.toThrow(
    'must be a ledger of preftune, got a database of another program',
  );
});

test('places that cannot be a database say why', async () => {
  writeFileSync(path, 'a text and no database. '.repeat(200));
  await expect(openDatabase(path, NOTEBOOK)).rejects.toThrow(
    `${path}: must be a database of preftune, got a file that is none; name another folder`,
  );
  expect(readFileSync(path, 'utf8').slice(0, 6)).toBe('a text');
  mkdirSync(join(folder, 'folder.db'));
  await expect(openDatabase(join(folder, 'folder.db'), NOTEBOOK)).rejects.toThrow(
    'must be a file that can be read and written',
  );
  await expect(openDatabase('/proc/self/notes.db', NOTEBOOK)).rejects.toThrow(/\/proc\/self.*must/);
  writeFileSync(join(folder, 'file'), '');
  await expect(openDatabase(join(folder, 'file', 'notes.db'), NOTEBOOK)).rejects.toThrow(
    'must be a folder, got a file',
  );
});

test('names that mean something elsewhere are names of files here', async () => {
  const odd = join(folder, 'a?b=c#d %20 é.db');
  const database = await opened(NOTEBOOK, odd);
  await database.write([add('x')]);
  expect(statSync(odd).size).toBeGreaterThan(0);
});

test('a damaged file is told as one, by check and by what meets it', async () => {
  const database = await opened();
  await database.write(Array.from({ length: 300 }, (_, place) => add(`${place} `.repeat(500))));
  await database.close();
  const file = openSync(path, 'r+');
  for (let page = 3; page < 60; page++) writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
  closeSync(file);
  const damaged = await opened();
  expect((await damaged.check()).length).toBeGreaterThan(0);
  await expect(damaged.read(sql('SELECT sum(length(text)) AS sum FROM notes'))).rejects.toThrow(
    /the database must be whole, got one that is damaged \(.*\); run preftune store check/,
  );
});

test('nobody else opens the file meanwhile, in this process or another, also after a backup has read it', async () => {
  const database = await opened();
  await expect(openDatabase(path, NOTEBOOK)).rejects.toThrow('must not be open in another program, got one that is');
  await database.backup(join(folder, 'copy.db'));
  const other = promisify(execFile)(process.execPath, ['--import', 'tsx', FILL, path]);
  await expect(other).rejects.toMatchObject({
    stderr: expect.stringContaining(`${path}: must not be open in another program, got one that is`),
  });
  expect(await texts(database)).toEqual([]);
});

test('a disk that is full in the middle costs nothing that was acknowledged', async () => {
  const script = `ulimit -f 3000; exec "$0" --import tsx "$1" "$2"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script, process.execPath, FILL, path]);
  const [message, counts] = stdout.trim().split('\n');
  expect(message).toMatch(/must (take what is written|have room)/);
  const { acknowledged, count } = JSON.parse(counts!) as { acknowledged: number; count: number };
  expect(count).toBe(acknowledged);
  const database = await opened();
  expect(await database.check()).toEqual([]);
  const rows: readonly SqlRow[] = await database.read(sql('SELECT count(*) AS count FROM notes'));
  expect(rows[0]!.count).toBe(acknowledged);
  await database.write([add('and on it goes')]);
});

test('what is asked of a closed database is refused, and what was asked before is done', async () => {
  const database = await opened();
  const last = database.write([add('last')]);
  await database.close();
  expect(await last).toEqual([{ changes: 1, rows: [] }]);
  await expect(database.write([add('later')])).rejects.toThrow('the database is closed');
  expect(await texts(await opened())).toEqual(['last']);
});
