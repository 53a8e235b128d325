import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, sql, type Database } from '../database/index.ts';
import { createAudit } from './audit.ts';
import { createFiles } from './files.ts';
import { createInferences } from './inferences.ts';
import { createJobs } from './jobs.ts';
import { createKeys } from './keys.ts';
import { LEDGER_KIND } from './schema.ts';
import { createSecret } from './secret.ts';
import { createSweep } from './sweep.ts';
import { createUsers } from './users.ts';
import { createVersions } from './versions.ts';

let folder: string;
let database: Database;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-plans-'));
  mkdirSync(join(folder, 'store'));
  database = await openDatabase(join(folder, 'store', 'ledger.db'), LEDGER_KIND);
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

/** Tables that grow with requests and steps. Keys, versions and aliases are few, and are read whole. */
const GROWING = [
  'inferences',
  'texts',
  'inference_labels',
  'removed',
  'jobs',
  'job_labels',
  'job_events',
  'job_checkpoints',
  'files',
  'audit',
];

const now = (): number => 2e12;

/** Everything that the ledger does, over a database that notes what it is asked. */
async function everyStatement(): Promise<Set<string>> {
  const asked = new Set<string>();
  const noting: Database = {
    ...database,
    write: (statements) => (statements.forEach((one) => asked.add(one.sql)), database.write(statements)),
    readAll: (statements) => (statements.forEach((one) => asked.add(one.sql)), database.readAll(statements)),
    read: (statement) => (asked.add(statement.sql), database.read(statement)),
  };
  const secret = createSecret(new Uint8Array(32));
  const audit = createAudit(noting, now);
  const inferences = createInferences({ database: noting, secret, log: 'text', redacts: true, now });
  const { users } = createUsers({ database: noting, audit, secret, now });
  const jobs = createJobs(noting, now);
  const files = createFiles(noting, now);
  const versions = createVersions(noting, audit, now);
  const { keys, flush } = await createKeys(noting, audit, now);

  const labels = { a: '1', b: '2' };
  const end = { status: 'complete', totalMs: 1, response: {}, error: 'e' } as const;
  for (const id of ['i1', 'i2', 'i3']) {
    const start = {
      id,
      createdAt: 1e12,
      route: 'chat',
      requestedModel: 'm',
      versionId: 'v',
      backend: 'b',
      user: 'u',
      metadata: labels,
      parameters: {},
      request: {},
    } as const;
    if (id === 'i3') await inferences.record(start, end);
    else {
      await inferences.begin(start);
      await inferences.finish(id, end);
    }
  }
  for (const order of ['asc', 'desc'] as const)
    for (const after of [undefined, 'i2'])
      for (const filter of [{}, { model: 'm' }, { metadata: labels }, { model: 'm', metadata: { a: '1' } }])
        await inferences.list({ limit: 2, order, after, ...filter });
  await inferences.setMetadata('i1', { c: '3' });
  await inferences.remove('i1');
  let exported = 0;
  for await (const _ of users.export('u')) exported++;
  expect(exported).toBe(2);
  const job = {
    id: 'j1',
    createdAt: 1,
    status: 'queued',
    isPaused: false,
    model: 'm',
    trainingFile: 'f',
    request: { metadata: labels },
    resultFiles: [],
  } as const;
  await jobs.add(job);
  await jobs.change('j1', { from: ['queued'], set: { status: 'running', request: { metadata: { a: '1' } } } });
  await jobs.addEvents('j1', [{ level: 'info', type: 'message', message: 'm' }]);
  await jobs.addCheckpoint({ jobId: 'j1', step: 1, model: 'm', metrics: {} });
  const file = {
    id: 'f1',
    filename: 'f',
    purpose: 'p',
    bytes: 1,
    sha256: 's',
    createdAt: 1,
    status: 'uploaded',
  } as const;
  await files.add(file);
  await files.setStatus('f1', 'processed');
  for (const order of ['asc', 'desc'] as const) {
    await jobs.list({ limit: 1, order, metadata: { a: '1' } });
    await jobs.list({ limit: 1, order, after: 'j1' });
    await jobs.events('j1', { limit: 1, order });
    await jobs.checkpoints('j1', { limit: 1, order });
    await files.list({ limit: 1, order, purpose: 'p', after: 'f1' });
    await audit.log.list({ limit: 1, order, after: 'audit-1' });
  }
  await files.remove('f1');
  await versions.add({ id: 'v', name: 'n', digest: 'd', kind: 'model', createdAt: 1 });
  await versions.setAlias('a', 'v', 'x');
  const { key, record } = await keys.create({ name: 'k', scopes: ['infer'] });
  keys.find(key);
  await flush();
  await keys.revoke(record.id);
  await audit.log.verify();
  const sweep = createSweep({ database: noting, retention: { textDays: 1, metadataDays: 1 }, now, elapsed: () => 0 });
  expect(await sweep()).toEqual({ texts: 2, inferences: 2 });
  await users.erase('u');
  return asked;
}

test('no list, sweep, erasure or change reads a growing table from end to end, and none sorts', async () => {
  const asked = await everyStatement();
  expect(asked.size).toBeGreaterThan(60);
  const wrong: string[] = [];
  for (const text of asked) {
    const plan = await database.read(sql(`EXPLAIN QUERY PLAN ${text}`));
    const details = plan.map(({ detail }) => String(detail));
    // The first page of an unfiltered list walks the table in its own order, and stops at its limit.
    const isWholeList = !text.includes('WHERE') && /ORDER BY \S*seq (ASC|DESC) LIMIT/.test(text);
    const scans = details.filter((detail) => GROWING.some((table) => new RegExp(`^SCAN ${table}\\b`).test(detail)));
    if ((scans.length > 0 && !isWholeList) || details.some((detail) => detail.includes('TEMP B-TREE')))
      wrong.push(`${text}\n  ${details.join('\n  ')}`);
  }
  expect(wrong).toEqual([]);
});
