import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSeededAdapter } from '../support/adapters.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** Candidates over HTTP: the gate, promotion, the way back, and what applications see of it. */
const folder = temporaryFolder();
let at: TestServer;
beforeAll(async () => {
  at = await startTestServer({ store: `${folder.path}/store`, given: { adapterRoot: folder.path } });
  for (const seed of [1, 2])
    await at.server.adapters.load({
      name: `friendly-${seed}`,
      path: await writeSeededAdapter(folder.path, seed),
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

async function answerOf(model: string): Promise<string> {
  const body = { model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 6, temperature: 0 };
  const [status, answer] = await call('POST', '/chat/completions', body);
  return status === 200
    ? (answer as { choices: { message: { content: string } }[] }).choices[0]!.message.content
    : `${status} ${JSON.stringify(answer)}`;
}

const around = (value: number) => ({ value, interval: { low: value - 0.01, high: value + 0.01 } });

/** A comparison that passes, of `prompts` prompts. */
function comparison(candidate: string, baseline: string, prompts = 240): object {
  return {
    contestants: [{ name: baseline }, { name: candidate }],
    prompts,
    pairs: [
      {
        model: candidate,
        baseline,
        winRate: { rate: 0.64, interval: { low: 0.57, high: 0.7 } },
        lengthControlled: null,
        lengthRatio: 1,
      },
    ],
    measured: [
      {
        name: candidate,
        reference: baseline,
        evaluation: {
          behaviour: { lines: [{ measure: 'refusal', difference: around(0) }] },
          kl: { perToken: around(0.05) },
        },
      },
    ],
  };
}

test('a candidate is added, judged, promoted and rolled back, and prod answers accordingly', async () => {
  await call('PUT', '/preftune/aliases/prod', { model: 'embedded-model' });
  const texts = [await answerOf('embedded-model'), await answerOf('friendly-1')];
  expect(texts[0]).not.toBe(texts[1]);
  const [status, made] = await call('POST', '/preftune/candidates', { model: 'friendly-1' });
  expect([status, made['state'], made['parent']]).toEqual([200, 'trained', 'embedded-model']);
  const path = `/preftune/candidates/${String(made['id'])}`;
  const [early, why] = await call('POST', `${path}/promote`, { reason: 'now' });
  expect([early, (why['error'] as Told)['message']]).toEqual([
    400,
    expect.stringMatching(/friendly-1 is trained and cannot be promoted next/),
  ]);
  const few = await call('POST', `${path}/gate`, { comparison: comparison('friendly-1', 'embedded-model', 30) });
  expect(few[1]['state']).toBe('held');
  await call('POST', `${path}/move`, { to: 'failed', reason: 'look again with more prompts' });
  const [, judged] = await call('POST', `${path}/gate`, { comparison: comparison('friendly-1', 'embedded-model') });
  expect(judged['state']).toBe('passed');
  expect((judged['moves'] as Told[]).map(({ to }) => to)).toEqual(['held', 'failed', 'passed']);
  expect((await call('POST', `${path}/promote`, { reason: 'it wins', expected: 'another' }))[0]).toBe(400);
  expect(await answerOf('prod')).toBe(texts[0]);
  expect(await call('POST', `${path}/promote`, { reason: 'it wins', expected: 'embedded-model' })).toMatchObject([
    200,
    { before: 'embedded-model', after: 'friendly-1', kind: 'promotion' },
  ]);
  expect(await answerOf('prod')).toBe(texts[1]);
  expect(await call('GET', '/preftune/loop')).toMatchObject([
    200,
    { production: 'friendly-1', previous: 'embedded-model', candidates: [{ model: 'friendly-1', state: 'promoted' }] },
  ]);
  expect((await call('POST', '/preftune/loop/rollback', { reason: 'users complain' }))[0]).toBe(200);
  expect(await answerOf('prod')).toBe(texts[0]);
  const [again, nothing] = await call('POST', '/preftune/loop/rollback', { reason: 'once more' });
  expect([again, (nothing['error'] as Told)['message']]).toEqual([
    400,
    expect.stringMatching(/no version to go back to/),
  ]);
});

test('what is not there, or not loaded any more, is told', async () => {
  expect((await call('POST', '/preftune/candidates', { model: 'nobody' }))[0]).toBe(404);
  expect((await call('GET', '/preftune/candidates/cand_0'))[0]).toBe(404);
  const [, { id }] = await call('POST', '/preftune/candidates', { model: 'friendly-2', parent: 'embedded-model' });
  const path = `/preftune/candidates/${String(id)}`;
  await call('POST', `${path}/gate`, { comparison: comparison('friendly-2', 'embedded-model') });
  await at.server.adapters.unload('friendly-2');
  expect(await call('POST', `${path}/promote`, { reason: 'it wins' })).toMatchObject([
    409,
    { error: { code: 'not_loaded' } },
  ]);
  const wrong = await call('POST', `${path}/gate`, { comparison: { pairs: 1 } });
  expect([wrong[0], (wrong[1]['error'] as Told)['message']]).toEqual([
    400,
    expect.stringMatching(/must be the comparison.json of preftune compare/),
  ]);
});
