import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSeededAdapter } from '../support/adapters.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** Candidates over HTTP: the gate, promotion, the way back, and what applications see of it. */
const folder = temporaryFolder();
let at: TestServer;
beforeAll(async () => {
  at = await startTestServer({ store: `${folder.path}/store`, log: 'text', given: { adapterRoot: folder.path } });
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

test(
  'feedback becomes rows, a snapshot and a training, whose end makes the candidate',
  { timeout: 120_000 },
  async () => {
    const chat = async (user: string, content: string, seed: number): Promise<string> => {
      const body = { model: 'embedded-model', user, messages: [{ role: 'user', content }], max_tokens: 8, seed };
      return String((await call('POST', '/chat/completions', body))[1]['id']);
    };
    const [none, why] = await call('POST', '/preftune/loop/train', {});
    expect([none, (why['error'] as Told)['message']]).toEqual([
      400,
      expect.stringMatching(/there are no rows of the kind pair to train on, of 0 signals/),
    ]);
    for (const place of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const [a, b] = [
        await chat(`user-${place}`, `Question ${place}?`, 1),
        await chat(`user-${place}`, `Question ${place}?`, 2),
      ];
      await call('POST', '/preftune/feedback', {
        kind: 'edit',
        inference_id: a,
        value: `A friendly answer to question ${place}, with all that one may want to know.`,
        user: `user-${place}`,
      });
      await call('POST', '/preftune/feedback', { kind: 'thumb', inference_id: b, value: false, user: `user-${place}` });
    }
    const hyperparameters = { n_epochs: 1, batch_size: 4 };
    const [status, begun] = await call('POST', '/preftune/loop/train', { suffix: 'friendly', hyperparameters });
    expect(begun).toMatchObject({ candidate: {} });
    expect([status, begun['snapshot']]).toMatchObject([200, { added: 10, removed: 0, rows: 10 }]);
    const { candidate } = begun as { candidate: { id: string; model: string; state: string; origin: string } };
    expect([candidate.state, candidate.origin]).toEqual(['training', 'embedded-model']);
    const again = await call('POST', '/preftune/loop/train', { hyperparameters });
    expect(again[1]['snapshot']).toMatchObject({ added: 0, removed: 0 });
    const state = async (): Promise<unknown> => {
      await call('GET', '/preftune/loop');
      return (await call('GET', `/preftune/candidates/${candidate.id}`))[1]['state'];
    };
    await expect.poll(state, { timeout: 90_000, interval: 300 }).toBe('trained');
    expect(await answerOf(candidate.model)).not.toMatch(/^4/);
    // Whoever wants to be forgotten is told what has learned from them.
    const [, erased] = await call('DELETE', '/preftune/users/user-3');
    expect(JSON.stringify(erased)).toContain(candidate.model);
  },
);
