import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSeededAdapter } from '../support/adapters.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** A live test over HTTP: who gets which model, what is on the disk, and what becomes of it when a version goes. */
const folder = temporaryFolder();
let at: TestServer;
beforeAll(async () => {
  at = await startTestServer({ store: `${folder.path}/store`, log: 'text', given: { adapterRoot: folder.path } });
  await at.server.adapters.load({
    name: 'friendly',
    path: await writeSeededAdapter(folder.path, 1),
    base: 'embedded-model',
  });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

type Told = Record<string, unknown>;

async function call(method: string, path: string, body?: object): Promise<[number, Told]> {
  const answer = await fetch(`${at.baseURL}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return [answer.status, (await answer.json()) as Told];
}

/** The version that answered, and the id. */
async function chat(model: string, user: string, stream = false): Promise<[string, string]> {
  const answer = await fetch(`${at.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, user, stream, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 }),
  });
  const text = await answer.text();
  return [answer.headers.get('x-preftune-version')!.split('@')[0]!, /chatcmpl-[0-9a-f]+/.exec(text)![0]];
}

const units = async (): Promise<unknown[]> =>
  (await at.ledger!.room.database.read({
    sql: 'SELECT arm, count(*) AS answers FROM experiment_units JOIN experiment_answers ON unit_seq = experiment_units.seq GROUP BY arm',
    values: [],
  })) as unknown[];

test('a name with an experiment goes to the arm of the person; a model by its own name is nobody’s exposure', async () => {
  expect((await call('PUT', '/preftune/aliases/prod', { model: 'embedded-model' }))[0]).toBe(200);
  const wrong = await call('POST', '/preftune/experiments', { key: 'e1', candidates: ['nobody'] });
  expect([wrong[0], JSON.stringify(wrong[1])]).toEqual([400, expect.stringContaining('nobody is not loaded here')]);
  const [status, made] = await call('POST', '/preftune/experiments', { key: 'e1', candidates: ['friendly'] });
  expect([status, made['control'], made['status'], made['problem']]).toEqual([200, 'embedded-model', 'running', null]);
  // e1 and the store's secret decide; people stay where they are, also in a stream.
  const versions: string[] = [];
  for (let i = 0; i < 8; i++) {
    const [version] = await chat('prod', `user-${i}`);
    expect((await chat('prod', `user-${i}`, true))[0]).toBe(version);
    versions.push(version);
  }
  const friendly = versions.filter((version) => version === 'friendly').length;
  await chat('friendly', 'user-1');
  const expected = [
    { arm: 0, answers: 2 * (8 - friendly) },
    { arm: 1, answers: 2 * friendly },
  ].filter(({ answers }) => answers > 0);
  expect(await units()).toEqual(expected);
});

test('a version that is unloaded takes nobody, and is said; what is not there is 404; stopped, the name stands for what it did', async () => {
  await at.server.adapters.unload('friendly');
  const before = await units();
  expect((await chat('prod', 'user-1'))[0]).toBe('embedded-model');
  expect(await units()).toEqual(before);
  const [, shown] = await call('GET', '/preftune/experiments/e1');
  expect(shown['problem']).toMatch(/^friendly is not loaded/);
  expect(at.notes.some((note) => note.startsWith('experiment e1 takes no units: friendly'))).toBe(true);
  expect((await call('GET', '/preftune/experiments/e9'))[0]).toBe(404);
  const [, stopped] = await call('POST', '/preftune/experiments/e1/stop', { reason: 'enough' });
  expect([stopped['status'], stopped['reason']]).toEqual(['stopped', 'enough']);
  expect((await call('POST', '/preftune/experiments/e1/stop', { reason: 'again' }))[0]).toBe(400);
  const [, list] = await call('GET', '/preftune/experiments');
  expect((list['data'] as Told[]).map(({ key }) => key)).toEqual(['e1']);
  expect(list['aa']).toEqual({ runs: 0, false_alarms: 0 });
});
