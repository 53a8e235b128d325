import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger, type Ledger } from '../../ledger/index.ts';
import { runWords } from '../testing/run-words.ts';

let folder: string;
let store: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-store-'));
  store = join(folder, 'store');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As another server forwarded it. */
const ARRIVED = '{"id":"rec_1","record":{"type":"inference"},"receivedAt":1}\n';

const run = (...words: string[]) => runWords(words);
const rowsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A store with two users, three conversations and an uploaded file. */
async function fill(work: (ledger: Ledger) => Promise<void> = async () => undefined): Promise<void> {
  const ledger = await openLedger(store, { log: 'text' });
  for (const [place, user] of ['eve', 'eve', 'bob'].entries()) {
    const id = `chatcmpl-${place}`;
    await ledger.inferences.begin({
      id,
      createdAt: Date.now(),
      route: 'chat',
      requestedModel: 'prod',
      versionId: 'tiny@1',
      backend: 'engine',
      user,
      parameters: {},
      request: { messages: [{ role: 'user', content: `Who is ${user}?` }] },
    });
    const choices = [{ index: 0, message: { role: 'assistant', content: `Answer ${place}.` } }];
    await ledger.inferences.finish(id, {
      status: place === 1 ? 'failed' : 'complete',
      totalMs: 1,
      response: { choices },
    });
  }
  const bytes = 'rows of a file\n'.repeat(100);
  writeFileSync(join(store, 'files', 'file-1'), bytes);
  await ledger.files.add({
    id: 'file-1',
    filename: 'a.jsonl',
    purpose: 'fine-tune',
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    createdAt: 1,
    status: 'processed',
  });
  try {
    await work(ledger);
  } finally {
    await ledger.close();
  }
}

test('keys are made before a store is there, listed, revoked; the key is shown once', async () => {
  const made = await run(
    'keys',
    'create',
    '--store',
    store,
    '--name',
    'app',
    '--scopes',
    'infer,train',
    '--expires',
    '90d',
  );
  expect(made).toEqual({
    code: 0,
    err: '',
    out: expect.stringMatching(/^pt_live_\S{43}\nThis is key_[0-9a-f]{18} with infer, train\. It is shown this once/),
  });
  const [key] = made.out.split('\n');
  const id = /key_\w+/.exec(made.out)![0];
  const listed = await run('keys', 'list', '--store', store);
  expect(listed.out).toMatch(new RegExp(`^${id}  app  infer,train  +until \\d{4}-\\d\\d-\\d\\d  made .*never used`));
  expect(listed.out).not.toContain(key!);
  expect((await run('keys', 'revoke', id, '--store', store)).out).toBe(`${id} is revoked\n`);
  expect(await run('keys', 'revoke', id, '--store', store)).toMatchObject({
    code: 2,
    err: expect.stringContaining('must be that of a key that is not revoked yet'),
  });
  expect(await run('keys', 'create', '--store', store, '--name', 'x', '--scopes', 'infer,everything')).toMatchObject({
    code: 2,
  });
  const wrong = await run(
    'keys',
    'create',
    '--store',
    store,
    '--name',
    'x',
    '--scopes',
    'infer',
    '--expires',
    '2027-02-31',
    '--origins',
    'https://a.example/path',
  );
  expect(wrong.code).toBe(2);
  expect(wrong.err).toMatch(/--expires must be a day to come[\s\S]*--origins must be origins of web pages/);
});

test('while a process has the store, keys, erasure and backups go through it, and the rest is refused by its name', async () => {
  await fill(async (ledger) => {
    const made = await run('keys', 'create', '--store', store, '--name', 'app', '--scopes', 'infer');
    expect(made.err).toBe('');
    const key = made.out.split('\n')[0]!;
    expect(ledger.keys.find(key)?.name).toBe('app');
    expect(readdirSync(join(store, 'inbox'))).toEqual([]);
    const { id } = ledger.keys.find(key)!;
    expect(JSON.parse((await run('keys', 'list', '--store', store, '--json')).out)).toMatchObject([
      { id, name: 'app' },
    ]);
    expect((await run('keys', 'revoke', id, '--store', store)).code).toBe(0);
    expect(ledger.keys.find(key)).toBeUndefined();
    const erased = await run('store', 'erase', '--store', store, '--user', 'eve', '--json');
    expect(JSON.parse(erased.out)).toEqual({ store, user: 'eve', inferences: 2, trainedOn: [] });
    expect(await ledger.inferences.get('chatcmpl-0')).toBeUndefined();
    expect((await run('store', 'backup', '--store', store, '--output', join(folder, 'b.tar'))).code).toBe(0);
    for (const words of [
      ['store', 'check'],
      ['store', 'export'],
      ['store', 'vacuum'],
      ['store', 'user', '--user', 'bob'],
    ]) {
      const refused = await run(...words, '--store', store);
      expect([refused.code, refused.out]).toEqual([2, '']);
      expect(refused.err.replaceAll(/\s+/g, ' ')).toContain(
        `one process at a time has a store, and this one is in use by process ${process.pid} on`,
      );
    }
  });
});

test('export gives rows that sft reads; texts of what failed are none', async () => {
  await fill();
  const all = rowsOf((await run('store', 'export', '--store', store)).out);
  expect(all.map(({ id, status }) => [id, status])).toEqual([
    ['chatcmpl-0', 'complete'],
    ['chatcmpl-1', 'failed'],
    ['chatcmpl-2', 'complete'],
  ]);
  const output = join(folder, 'rows.jsonl');
  expect(await run('store', 'export', '--store', store, '--kind', 'messages', '--output', output)).toEqual({
    code: 0,
    out: `2 rows in ${output}\n`,
    err: '',
  });
  expect(rowsOf(readFileSync(output, 'utf8'))[0]).toEqual({
    id: 'chatcmpl-0',
    messages: [
      { role: 'user', content: 'Who is eve?' },
      { role: 'assistant', content: 'Answer 0.' },
    ],
    model: 'prod',
    version: 'tiny@1',
  });
  const stats = JSON.parse((await run('data', 'stats', output, '--json')).out) as { rows: object };
  expect(stats.rows).toMatchObject({ distinct: 2, repeats: 0 });
  const again = await run('store', 'export', '--store', store, '--output', output);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining('add --overwrite')]);
  const user = await run('store', 'user', '--store', store, '--user', 'eve');
  expect(rowsOf(user.out).map(({ kind, id }) => [kind, id])).toEqual([
    ['inference', 'chatcmpl-0'],
    ['inference', 'chatcmpl-1'],
  ]);
  expect(rowsOf((await run('store', 'export', '--store', store, '--kind', 'files')).out)).toHaveLength(1);
});

test('a backup becomes a store that is the same; one that is cut off or in the way does nothing', async () => {
  await fill();
  mkdirSync(join(store, 'arrivals'));
  writeFileSync(join(store, 'arrivals', 'records.jsonl'), ARRIVED);
  const tar = join(folder, 'backup.tar');
  const made0 = await run('store', 'backup', '--store', store, '--output', tar);
  expect([made0.code, made0.err]).toEqual([0, '']);
  expect(statSync(tar).mode & 0o777).toBe(0o600);
  expect((await run('store', 'backup', '--store', store, '--output', tar)).err).toContain('must not be there yet');
  const restored = join(folder, 'restored');
  const made = await run('store', 'restore', '--from', tar, '--store', restored);
  expect(made).toMatchObject({ code: 0, err: '' });
  const of = async (place: string) => (await run('store', 'export', '--store', place)).out;
  expect(await of(restored)).toBe(await of(store));
  expect(readFileSync(join(restored, 'files', 'file-1'), 'utf8')).toBe(
    readFileSync(join(store, 'files', 'file-1'), 'utf8'),
  );
  expect(readFileSync(join(restored, 'arrivals', 'records.jsonl'), 'utf8')).toBe(ARRIVED);
  expect((await run('store', 'check', '--store', restored)).out).toBe(`${restored} is whole\n`);
  const inTheWay = await run('store', 'restore', '--from', tar, '--store', store);
  expect([inTheWay.code, inTheWay.err]).toEqual([2, expect.stringContaining('must be a new or empty folder')]);
  for (const bytes of [statSync(tar).size - 1, 5000, 10]) {
    truncateSync(tar, bytes);
    const cut = await run('store', 'restore', '--from', tar, '--store', join(folder, 'cut'));
    expect([cut.code, cut.err.replaceAll(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringContaining('must be a backup that is whole, got one that was cut off'),
    ]);
    expect(existsSync(join(folder, 'cut'))).toBe(false);
  }
  writeFileSync(tar, 'x'.repeat(4096));
  expect((await run('store', 'restore', '--from', tar, '--store', join(folder, 'cut'))).err).toContain(
    'got an archive of something else',
  );
});

test('check tells what is missing, what is other, and what belongs to nobody', async () => {
  await fill();
  writeFileSync(join(store, 'files', 'file-9'), 'x');
  const whole = await run('store', 'check', '--store', store);
  expect([whole.code, whole.out]).toEqual([0, expect.stringMatching(/is whole\n.*file-9 belongs to no row/)]);
  writeFileSync(join(store, 'files', 'file-1'), 'other bytes');
  const other = await run('store', 'check', '--store', store);
  expect([other.code, other.err.replaceAll(/\s+/g, ' ')]).toEqual([
    1,
    expect.stringContaining('must have the bytes that were uploaded, got others'),
  ]);
  rmSync(join(store, 'files', 'file-1'));
  expect((await run('store', 'check', '--store', store)).err.replaceAll(/\s+/g, ' ')).toContain(
    'must be there, got none',
  );
  const none = await run('store', 'check', '--store', join(folder, 'nowhere'));
  expect([none.code, existsSync(join(folder, 'nowhere'))]).toEqual([2, false]);
});

test('vacuum gives the room of deleted rows back', async () => {
  await fill(async (ledger) => {
    for (let place = 0; place < 30; place++) {
      const request = { text: 'x'.repeat(40_000) };
      await ledger.inferences.begin({
        id: `big-${place}`,
        createdAt: 1,
        route: 'chat',
        requestedModel: 'm',
        versionId: 'v',
        backend: 'b',
        user: 'big',
        parameters: {},
        request,
      });
    }
    await ledger.users.erase('big');
  });
  const { bytesBefore, bytesAfter } = JSON.parse(
    (await run('store', 'vacuum', '--store', store, '--json')).out,
  ) as Record<string, number>;
  expect(bytesBefore! - bytesAfter!).toBeGreaterThan(1_000_000);
  expect(statSync(join(store, 'ledger.db')).size).toBe(bytesAfter);
});
