import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** What admins do over HTTP, and what the audit log says of it. */
const folder = temporaryFolder();
let at: TestServer;
let adminKey: string;
let adminId: string;
beforeAll(async () => {
  at = await startTestServer({ store: folder.path, log: 'text' });
  const { key, record } = await at.ledger!.keys.create({ name: 'admin', scopes: ['admin'] });
  [adminKey, adminId] = [key, record.id];
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

async function call(
  method: string,
  path: string,
  body?: object,
  key = adminKey,
): Promise<[number, Record<string, unknown>]> {
  const answer = await fetch(`${at.baseURL}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return [answer.status, (await answer.json()) as Record<string, unknown>];
}

async function ask(model: string, key: string): Promise<string> {
  const body = { model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2, user: 'someone' };
  const [status, answer] = await call('POST', '/chat/completions', body, key);
  return status === 200 ? (answer['model'] as string) : String(status);
}

test('keys, aliases and users over HTTP, each once in the audit log with who did it', async () => {
  const [, made] = await call('POST', '/preftune/keys', { name: 'app', scopes: ['infer'] });
  const app = made['key'] as string;
  expect(made).toMatchObject({ object: 'preftune.key', name: 'app', scopes: ['infer'], revoked_at: null });
  const [, listed] = await call('GET', '/preftune/keys');
  expect(JSON.stringify(listed)).not.toContain(app);
  expect(await ask('embedded-model', app)).toBe('embedded-model');
  expect(await ask('prod', app)).toBe('404');
  expect((await call('PUT', '/preftune/aliases/prod', { model: 'nope' }))[0]).toBe(404);
  expect((await call('PUT', '/preftune/aliases/embedded-model', { model: 'embedded-model' }))[0]).toBe(400);
  expect((await call('PUT', '/preftune/aliases/prod', { model: 'embedded-model' }))[0]).toBe(200);
  expect(await ask('prod', app)).toBe('prod');
  expect(await at.ledger!.versions.aliases()).toEqual({ prod: 'embedded-model' });
  expect((await call('DELETE', '/preftune/aliases/prod'))[0]).toBe(200);
  const exported = await fetch(`${at.baseURL}/preftune/users/someone/export`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  const kept = (await exported.text()).trim().split('\n');
  expect(kept.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual(['inference', 'inference']);
  expect(await call('DELETE', '/preftune/users/someone')).toEqual([
    200,
    { object: 'preftune.erasure', inferences: 2, trained_on: [] },
  ]);
  expect((await call('DELETE', `/preftune/keys/${String(made['id'])}`))[0]).toBe(200);
  expect(await ask('embedded-model', app)).toBe('401');
  const [, audit] = await call('GET', '/preftune/audit?limit=100');
  const entries = audit['data'] as { actor: string; action: string; subject: string }[];
  expect(entries.map(({ action }) => action)).toEqual([
    'key.create',
    'key.create',
    'alias.set',
    'alias.remove',
    'user.export',
    'user.erase',
    'key.revoke',
  ]);
  expect(entries.map(({ actor }) => actor)).toEqual(['owner', ...Array.from({ length: 6 }, () => adminId)]);
  expect(entries[4]!.subject).toBe(entries[5]!.subject);
  expect(JSON.stringify(entries)).not.toContain('someone');
  expect(await at.ledger!.audit.verify()).toEqual({ entries: 7 });
});
