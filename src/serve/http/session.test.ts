import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/tiny-model.ts';
import { openLedger } from '../../ledger/index.ts';
import { createSessions, SESSION_MS, type SessionOptions } from './session.ts';

const folder = temporaryFolder();
afterEach(folder.remove);

test('a link works once, sessions outlive a restart, tokens are nowhere in the store, revoked keys end theirs', async () => {
  let time = Date.now();
  const now = (): number => time;
  let ledger = await openLedger(folder.path, { now });
  const { record } = await ledger.keys.create({ name: 'k', scopes: ['label', 'read'] });
  const options = (): SessionOptions => ({
    room: ledger.room,
    keyOf: (id) => ledger.keys.get(id),
    isClosed: () => true,
    now,
  });
  let sessions = await createSessions(options());
  const link = await sessions.invite({ keyId: 'owner', scopes: ['label'] });
  const [first, second] = await Promise.all([sessions.redeem(link), sessions.redeem(link)]);
  expect([first?.session.scopes, second]).toEqual([['label'], undefined]);
  const named = await sessions.setAnnotator(first!.session, 'Anna Ω');
  expect(named.annotator).toEqual({ hash: ledger.room.hashUser('Anna Ω'), name: 'Anna Ω' });
  const unused = await sessions.invite({ keyId: 'owner', scopes: ['label'] });
  const late = await sessions.invite({ keyId: 'owner', scopes: ['label'], forMs: 1000 });
  const ofKey = await sessions.begin({ keyId: record.id, scopes: record.scopes });
  const open = await sessions.begin({ keyId: 'open', scopes: ['admin'] });
  const ofEnvironment = await sessions.begin({ keyId: 'key_env', scopes: ['infer'] });
  await ledger.close();
  const bytes = ['ledger.db', 'ledger.db-wal'].map((name) => {
    try {
      return readFileSync(join(folder.path, name), 'latin1');
    } catch {
      return '';
    }
  });
  for (const token of [link, unused, late, first!.token, ofKey.token]) expect(bytes.join('')).not.toContain(token);

  time += 2000;
  ledger = await openLedger(folder.path, { now });
  sessions = await createSessions(options());
  expect(sessions.find(first!.token)).toEqual(named);
  expect(await sessions.redeem(link)).toBeUndefined();
  expect(await sessions.redeem(late)).toBeUndefined();
  expect((await sessions.redeem(unused))?.session.keyId).toBe('owner');
  expect(sessions.find(ofKey.token)?.scopes).toEqual(['label', 'read']);
  // What anybody was given while no key was asked for, and what a key of the environment gave, is gone.
  expect([sessions.find(open.token), sessions.find(ofEnvironment.token)]).toEqual([undefined, undefined]);
  await ledger.keys.revoke(record.id);
  expect(sessions.find(ofKey.token)).toBeUndefined();
  const kinds: unknown[] = [];
  for await (const { kind } of ledger.users.export('Anna Ω')) kinds.push(kind);
  expect(kinds).toEqual(['session']);
  await ledger.users.erase('Anna Ω');
  time += SESSION_MS;
  expect(sessions.find(first!.token)).toBeUndefined();
  sessions = await createSessions(options());
  expect(sessions.find(first!.token)).toBeUndefined();
  await ledger.close();
});
