import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Ledger, LedgerOptions } from './ledger.ts';
import { openLedger } from './open-ledger.ts';
import type { InferenceEnd, InferenceStart } from './records.ts';

let folder: string;
let open: Ledger[] = [];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'preftune-ledger-')), 'store');
});
afterEach(async () => {
  for (const ledger of open) await ledger.close();
  open = [];
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

async function opened(options: LedgerOptions = {}): Promise<Ledger> {
  const ledger = await openLedger(folder, options);
  open.push(ledger);
  return ledger;
}

function start(id: string, rest: Partial<InferenceStart> = {}): InferenceStart {
  return {
    id,
    createdAt: 1_800_000_000_000,
    route: 'chat',
    requestedModel: 'prod',
    versionId: 'tiny@abc',
    backend: 'engine',
    parameters: { temperature: 0.5 },
    request: { messages: [{ role: 'user', content: `question of ${id}` }] },
    ...rest,
  };
}

const END = {
  status: 'complete',
  finishReasons: ['stop'],
  promptTokens: 3,
  completionTokens: 2,
  totalMs: 12.5,
  response: { choices: [{ message: { role: 'assistant', content: 'the answer' } }] },
} as const;

/** Whether any file of the store holds the bytes. */
function holds(text: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text));
}

test('an inference is there as it was given, and its user as an HMAC alone', async () => {
  const ledger = await opened({ log: 'text' });
  await ledger.inferences.begin(start('chatcmpl-1', { user: 'mallory', metadata: { app: 'x' }, keyId: 'key_1' }));
  await ledger.inferences.finish('chatcmpl-1', END);
  const kept = await ledger.inferences.get('chatcmpl-1');
  expect(kept).toEqual({
    ...start('chatcmpl-1', { metadata: { app: 'x' }, keyId: 'key_1' }),
    ...END,
    userHash: kept!.userHash,
  });
  expect(kept!.userHash).toMatch(/^[0-9a-f]{64}$/);
  expect(holds('question of chatcmpl-1')).toBe(true);
  expect(holds('mallory')).toBe(false);
  await ledger.close();
  const again = await opened({ log: 'text' });
  expect(await again.inferences.get('chatcmpl-1')).toEqual(kept);
});

test('levels: off keeps nothing, metadata no texts, text none of a request that says store: false', async () => {
  const off = await opened({ log: 'off' });
  await off.inferences.begin(start('a'));
  await off.inferences.finish('a', END);
  expect(await off.inferences.get('a')).toBeUndefined();
  await off.close();

  const metadata = await opened();
  await metadata.inferences.begin(start('b', { store: true }));
  await metadata.inferences.finish('b', END);
  await metadata.close();

  const text = await opened({ log: 'text' });
  await text.inferences.begin(start('c', { store: false }));
  await text.inferences.finish('c', { ...END, status: 'failed', error: 'refused: question of c' });
  for (const id of ['b', 'c']) {
    const { request, response, error, totalMs } = (await text.inferences.get(id))!;
    expect({ request, response, error, totalMs }).toEqual({ totalMs: 12.5 });
  }
  expect(holds('question of')).toBe(false);
  expect(holds('the answer')).toBe(false);
});

test.each(['off', 'metadata', 'text'] as const)(
  'at the level %s a record in one piece is what beginning and end come to',
  async (log) => {
    const ledger = await opened({ log });
    const { inferences } = ledger;
    await inferences.record(start('gone'), END);
    await inferences.remove('gone');
    await ledger.users.erase('mallory');
    const cases: readonly (readonly [Partial<InferenceStart>, InferenceEnd])[] = [
      [{ user: 'zoe', metadata: { app: 'x', mail: 'anna.kern@firma.example' }, keyId: 'key_1' }, END],
      [
        { episodeId: 'e1', request: undefined },
        { status: 'complete', totalMs: 1 },
      ],
      [{}, { ...END, response: undefined, status: 'failed', error: 'says anna.kern@firma.example' }],
      [{ store: false }, { ...END, status: 'cancelled', error: 'a question of somebody' }],
      [{ user: 'mallory', createdAt: 1000 }, END],
    ];
    for (const [place, [rest, end]] of cases.entries()) {
      const [whole, parts] = [`whole-${place}`, `parts-${place}`];
      await inferences.record({ ...start('same', rest), id: whole }, end);
      await inferences.begin({ ...start('same', rest), id: parts });
      await inferences.finish(parts, end);
      const [one, two] = [await inferences.get(whole), await inferences.get(parts)];
      expect(one && { ...one, id: parts }).toEqual(two);
      expect(one?.status).toBe(log === 'off' || rest.user === 'mallory' ? undefined : end.status);
    }
    const listed = await inferences.list({ limit: 9, order: 'asc', metadata: { app: 'x' } });
    expect(listed.items.map(({ id }) => id)).toEqual(log === 'off' ? [] : ['whole-0', 'parts-0']);
    await inferences.record(start('gone'), END);
    expect(await inferences.get('gone')).toBeUndefined();
  },
);

test('what names a person or opens a door is masked before the write, in texts, metadata and errors', async () => {
  const ledger = await opened({ log: 'text' });
  const secret = 'anna.kern@firma.example';
  await ledger.inferences.begin(
    start('a', {
      metadata: { contact: secret },
      episodeId: secret,
      request: { messages: [{ content: `I am ${secret}` }], tools: [{ [secret]: 1 }] },
    }),
  );
  await ledger.inferences.finish('a', { ...END, response: { text: secret }, error: `upstream says ${secret}` });
  const kept = (await ledger.inferences.get('a'))!;
  expect(kept.metadata).toEqual({ contact: '[email]' });
  expect(kept.request).toEqual({ messages: [{ content: 'I am [email]' }], tools: [{ '[email]': 1 }] });
  expect(kept.error).toBe('upstream says [email]');
  expect(kept.episodeId).toMatch(/^hmac-[0-9a-f]{64}$/);
  expect(holds(secret)).toBe(false);
  // Lists are asked for with the words of the client.
  expect((await ledger.inferences.list({ limit: 9, order: 'asc', metadata: { contact: secret } })).items).toHaveLength(
    1,
  );
});

test('erasing a user leaves no byte of the texts in any file, and what comes in later of before stays out', async () => {
  const ledger = await opened({ log: 'text', now: () => 1_800_000_000_500 });
  const long = 'confidential '.repeat(2000);
  for (const [place, user] of ['eve', 'eve', 'bob'].entries()) {
    const id = `id-${place}`;
    await ledger.inferences.begin(
      start(id, { user, metadata: { secretlabel: `label of ${user}` }, request: { text: `${long} ${user}` } }),
    );
    await ledger.inferences.finish(id, { ...END, response: { text: `${long} said to ${user}` } });
  }
  expect(await ledger.users.erase('eve')).toEqual({ inferences: 2, trainedOn: [] });
  expect(holds('said to eve')).toBe(false);
  expect(holds('label of eve')).toBe(false);
  expect(holds('said to bob')).toBe(true);
  const exported = async (user: string) => {
    const kinds = [];
    for await (const { kind, id } of ledger.users.export(user)) kinds.push([kind, id]);
    return kinds;
  };
  expect(await exported('eve')).toEqual([['erasure', undefined]]);
  expect(await exported('bob')).toEqual([['inference', 'id-2']]);
  // An import of the same id, one of before the erasure, and one of afterwards.
  await ledger.inferences.begin(start('id-0'));
  await ledger.inferences.begin(start('old', { user: 'eve' }));
  await ledger.inferences.begin(start('new', { user: 'eve', createdAt: 1_800_000_000_501 }));
  await ledger.inferences.finish('id-1', END);
  const { items } = await ledger.inferences.list({ limit: 9, order: 'asc' });
  expect(items.map(({ id }) => id)).toEqual(['id-2', 'new']);
});

test('removing one by its id takes its texts off the disk', async () => {
  const ledger = await opened({ log: 'text' });
  await ledger.inferences.begin(start('a', { request: { text: 'to be forgotten' } }));
  expect(holds('to be forgotten')).toBe(true);
  expect([await ledger.inferences.remove('a'), await ledger.inferences.remove('a')]).toEqual([true, false]);
  expect(holds('to be forgotten')).toBe(false);
});

test('pages stay where they are while rows come and go', async () => {
  const ledger = await opened();
  for (let place = 0; place < 7; place++)
    await ledger.inferences.begin(
      start(`id-${place}`, {
        requestedModel: place % 2 === 0 ? 'even' : 'odd',
        metadata: { half: String(place % 2), all: 'yes' },
      }),
    );
  const ids = async (page: Parameters<Ledger['inferences']['list']>[0]) => {
    const { items, hasMore } = await ledger.inferences.list(page);
    return [items.map(({ id }) => id.slice(3)).join(''), hasMore];
  };
  expect(await ids({ limit: 3, order: 'desc' })).toEqual(['654', true]);
  // What is deleted page by page goes on behind the last one, although that is gone; what is new does not shift it.
  await ledger.inferences.remove('id-4');
  await ledger.inferences.begin(start('id-7'));
  expect(await ids({ limit: 3, order: 'desc', after: 'id-4' })).toEqual(['321', true]);
  expect(await ids({ limit: 3, order: 'desc', after: 'id-1' })).toEqual(['0', false]);
  expect(await ids({ limit: 9, order: 'asc', after: 'id-4' })).toEqual(['567', false]);
  expect(await ids({ limit: 2, order: 'asc', model: 'even' })).toEqual(['02', true]);
  expect(await ids({ limit: 9, order: 'desc', metadata: { half: '1', all: 'yes' } })).toEqual(['531', false]);
  expect(await ids({ limit: 9, order: 'asc', metadata: { half: '1' }, model: 'even' })).toEqual(['', false]);
  await expect(ids({ limit: 3, order: 'asc', after: "x' OR 1=1" })).rejects.toThrow(
    'after: must be the id of an item of this list, got "x\' OR 1=1"',
  );
  await ledger.inferences.setMetadata('id-3', { half: 'new' });
  expect(await ids({ limit: 9, order: 'asc', metadata: { half: '1' } })).toEqual(['15', false]);
  expect(await ids({ limit: 9, order: 'asc', metadata: { half: 'new' } })).toEqual(['3', false]);
});

test('a key is shown once, kept as a hash, and found until it is revoked or expires', async () => {
  let at = 1000;
  const ledger = await opened({ now: () => at });
  expect(ledger.keys.hasAny).toBe(false);
  const { key, record } = await ledger.keys.create({
    name: 'app',
    scopes: ['infer', 'infer', 'train'],
    expiresAt: 5000,
  });
  expect(key).toMatch(/^pt_live_[A-Za-z0-9_-]{43}$/);
  expect(record.scopes).toEqual(['infer', 'train']);
  const other = await ledger.keys.create({ name: 'page', scopes: ['feedback'], origins: ['https://a.example'] });
  expect(holds(key.slice(8))).toBe(false);
  expect(ledger.keys.find(key)).toEqual({ ...record, lastUsedAt: 1000 });
  expect(ledger.keys.find(`${key}x`)).toBeUndefined();
  at = 5000;
  expect(ledger.keys.find(key)).toBeUndefined();
  expect(await ledger.keys.revoke(other.record.id)).toBe(true);
  expect(await ledger.keys.revoke(other.record.id)).toBe(false);
  expect([ledger.keys.find(other.key), ledger.keys.hasAny]).toEqual([undefined, false]);
  await ledger.close();
  const again = await opened({ now: () => 2000 });
  expect(again.keys.find(key)).toEqual({ ...record, lastUsedAt: 2000 });
  expect((await again.keys.list()).map(({ revokedAt, lastUsedAt }) => [revokedAt, lastUsedAt])).toEqual([
    [undefined, 2000],
    [5000, undefined],
  ]);
  await expect(again.keys.create({ name: ' ', scopes: [], expiresAt: 1 })).rejects.toThrow(
    'name: must have 1 to 200 characters, got " "\nscopes: must be some of infer, feedback, label, read, train, admin, got "none"\nexpiresAt: must lie in the future, got 1',
  );
});

test('a job changes only from the states that are named, and its events come with the change or not at all', async () => {
  const ledger = await opened();
  const job = {
    id: 'ftjob-1',
    createdAt: 1,
    status: 'queued',
    isPaused: false,
    model: 'tiny',
    trainingFile: 'file-1',
    request: { method: { type: 'dpo' }, metadata: { team: 'a' } },
    resultFiles: [],
  } as const;
  await ledger.jobs.add(job);
  const event = { level: 'info', type: 'message', message: 'begun' } as const;
  const both = await Promise.all(
    [1, 2].map(() =>
      ledger.jobs.change('ftjob-1', { from: ['queued'], set: { status: 'running', startedAt: 5 }, events: [event] }),
    ),
  );
  expect(both.map((one) => one?.status)).toEqual(['running', undefined]);
  expect(await ledger.jobs.get('ftjob-1')).toEqual({ ...job, status: 'running', startedAt: 5 });
  const error = { code: 'x', message: 'y', param: null };
  expect(
    await ledger.jobs.change('ftjob-1', {
      from: ['running'],
      set: { status: 'failed', startedAt: undefined, error } as never,
    }),
  ).toEqual({
    ...job,
    status: 'failed',
    error,
  });
  await ledger.jobs.addEvents('ftjob-1', [{ level: 'warn', type: 'metrics', message: 'm', data: { loss: 0.5 } }]);
  const { items } = await ledger.jobs.events('ftjob-1', { limit: 9, order: 'desc' });
  expect(items.map(({ level, message, data }) => ({ level, message, data }))).toEqual([
    { level: 'warn', message: 'm', data: { loss: 0.5 } },
    { level: 'info', message: 'begun', data: undefined },
  ]);
  await expect(ledger.jobs.addEvents('no job', [event])).rejects.toThrow('FOREIGN KEY constraint failed');
  await ledger.jobs.addCheckpoint({
    jobId: 'ftjob-1',
    step: 10,
    model: 'ft:x:ckpt-step-10',
    metrics: { train_loss: 0.25 },
  });
  const [checkpoint] = (await ledger.jobs.checkpoints('ftjob-1', { limit: 1, order: 'desc' })).items;
  expect({ ...checkpoint, id: '', createdAt: 0 }).toEqual({
    id: '',
    jobId: 'ftjob-1',
    createdAt: 0,
    step: 10,
    model: 'ft:x:ckpt-step-10',
    metrics: { train_loss: 0.25 },
  });
  const listed = async (metadata: Record<string, string>) =>
    (await ledger.jobs.list({ limit: 9, order: 'desc', metadata })).items.length;
  expect([await listed({ team: 'a' }), await listed({ team: 'b' }), await listed({})]).toEqual([1, 0, 1]);
});

test('files, versions and aliases; each change of an alias stands in the audit log, whose chain shows what was touched', async () => {
  const ledger = await opened();
  const file = {
    id: 'file-1',
    filename: 'pairs.jsonl',
    purpose: 'fine-tune',
    bytes: 10,
    sha256: 'ab',
    createdAt: 1,
    status: 'uploaded',
  } as const;
  await ledger.files.add(file);
  await ledger.files.setStatus('file-1', 'error', 'no rows');
  expect((await ledger.files.list({ limit: 5, order: 'asc', purpose: 'fine-tune' })).items).toEqual([
    { ...file, status: 'error', statusDetails: 'no rows' },
  ]);
  expect((await ledger.files.list({ limit: 5, order: 'asc', purpose: 'evals' })).items).toEqual([]);
  expect([await ledger.files.remove('file-1'), await ledger.files.get('file-1')]).toEqual([true, undefined]);
  const version = { id: 'a@1', name: 'a', digest: '1', kind: 'adapter', parent: 'tiny', createdAt: 3 } as const;
  await ledger.versions.add(version);
  await ledger.versions.add({ ...version, createdAt: 9 });
  expect(await ledger.versions.list()).toEqual([version]);
  await ledger.versions.setAlias('prod', 'a', 'anna');
  await ledger.versions.setAlias('prod', 'b', 'anna');
  expect(await ledger.versions.aliases()).toEqual({ prod: 'b' });
  await ledger.versions.setAlias('prod', undefined, 'anna');
  await ledger.versions.setAlias('prod', undefined, 'anna');
  await Promise.all([1, 2, 3].map((place) => ledger.audit.append({ actor: 'a', action: 'b', subject: `${place}` })));
  const page = await ledger.audit.list({ limit: 2, order: 'desc' });
  expect(page.items.map(({ id, subject }) => [id, subject])).toEqual([
    ['audit-6', '3'],
    ['audit-5', '2'],
  ]);
  expect(page.hasMore).toBe(true);
  expect((await ledger.audit.list({ limit: 9, order: 'asc', after: 'audit-4' })).items).toHaveLength(2);
  expect(await ledger.audit.verify()).toEqual({ entries: 6 });
});

test('keys for purposes differ, last, and belong to the store', async () => {
  const ledger = await opened();
  const [cursor, session] = ['cursor', 'session'].map((purpose) =>
    Buffer.from(ledger.deriveKey(purpose)).toString('hex'),
  );
  expect(cursor).toMatch(/^[0-9a-f]{64}$/);
  expect(session).not.toBe(cursor);
  await ledger.close();
  const again = await opened();
  expect(Buffer.from(again.deriveKey('cursor')).toString('hex')).toBe(cursor);
  expect(['secret', 'ledger.db'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o600]);
  await again.close();
  rmSync(join(folder, 'secret'));
  await expect(openLedger(folder)).rejects.toThrow('must be there, got none: without it no user can be found again');
});

test('one process has a store; a second is told which one', async () => {
  await opened();
  await expect(openLedger(folder)).rejects.toThrow(
    `one process at a time has a store, and this one is in use by process ${process.pid} on `,
  );
});
