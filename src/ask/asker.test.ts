import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAsker, type AskerOptions, type AskerState, type Outcome } from './asker.ts';
import { openCallStore, type CallStore } from './call-store.ts';
import { createEndpoint } from './endpoint.ts';
import { startJudgeServer, type JudgeServer, type Served, type ServedRequest } from '../judge/testing/judge-server.ts';
import { manualClock } from '../judge/testing/manual-clock.ts';

let folder: string;
let server: JudgeServer;
let store: CallStore<Outcome>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-asker-'));
});
afterEach(async () => {
  await store.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

async function open(serve: (request: ServedRequest) => Served, options: Partial<AskerOptions> = {}) {
  server = await startJudgeServer(serve);
  store = await openCallStore<Outcome>(join(folder, 'calls.jsonl'));
  const endpoint = createEndpoint({ url: server.url, model: 'm', apiKey: 'sk-secret', maxTokens: 50 });
  return createAsker(endpoint, { store, clock: manualClock(), ...options });
}

const question = (text: string) => [{ role: 'user', content: text }] as const;
const fine: Served = { kind: 'answer', text: 'fine' };

test('a question is asked once: not again when it is known, nor while it is under way', async () => {
  const states: AskerState[] = [];
  const asker = await open(() => fine, {
    prices: { input: 10, output: 100 },
    onChange: (state) => states.push(state),
  });
  const both = await Promise.all([asker.ask(question('a')), asker.ask(question('a')), asker.ask(question('b'))]);
  expect(both.map(({ isStored }) => isStored)).toEqual([false, true, false]);
  expect(await asker.ask(question('a'))).toEqual({
    isStored: true,
    outcome: {
      kind: 'reply',
      reply: {
        text: 'fine',
        finishReason: 'stop',
        usage: { promptTokens: 100, completionTokens: 10 },
        model: 'm-2026',
      },
    },
  });
  expect(server.requests.length).toBe(2);
  expect([asker.isStored(question('b')), asker.isStored(question('c'))]).toEqual([true, false]);
  // 200 tokens at $10 and 20 at $100 for a million.
  expect(asker.state).toEqual({
    asked: 2,
    stored: 1,
    retries: 0,
    usage: { promptTokens: 200, completionTokens: 20 },
    cost: 0.004,
    waitingFor: undefined,
  });
  expect(states.at(-1)).toEqual(asker.state);
});

test('the key is nowhere on the disk', async () => {
  const asker = await open(() => fine);
  await asker.ask(question('a'));
  const text = readFileSync(join(folder, 'calls.jsonl'), 'utf8');
  expect([text.includes('fine'), text.includes('sk-secret')]).toEqual([true, false]);
});

test('every passing fault is tried again, as long as the server says or longer each time', async () => {
  const faults: Served[] = [
    { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
    { kind: 'status', status: 500 },
    { kind: 'drop' },
    { kind: 'raw', body: 'no json' },
    { kind: 'raw', body: '{"choi', isCut: true },
    fine,
  ];
  const clock = manualClock();
  const asker = await open(({ number }) => faults[number - 1]!, { clock });
  expect((await asker.ask(question('a'))).outcome).toMatchObject({ kind: 'reply', reply: { text: 'fine' } });
  expect([server.requests.length, asker.state.retries, asker.state.asked]).toEqual([6, 5, 1]);
  // 7 s as asked; then between half and all of 0.5 s doubled for each attempt before.
  const [asked, ...backoff] = clock.slept;
  expect(asked).toBe(7000);
  expect(backoff.map((ms, i) => ms >= 500 * 2 ** i && ms <= 1000 * 2 ** i)).toEqual([true, true, true, true]);
});

test('a 429 keeps the others away too', async () => {
  const clock = manualClock();
  const asker = await open(
    ({ number }) => (number === 1 ? { kind: 'status', status: 429, headers: { 'retry-after': '30' } } : fine),
    { clock, concurrency: 1 },
  );
  const first = asker.ask(question('a'));
  const second = asker.ask(question('b'));
  await Promise.all([first, second]);
  expect(clock.nowMs()).toBe(30_000);
});

test('it gives up after the last attempt, or when the pause is too long, and says how to go on', async () => {
  const clock = manualClock();
  const asker = await open(() => ({ kind: 'status', status: 503, message: 'overloaded' }), { clock, attempts: 3 });
  await expect(asker.ask(question('a'))).rejects.toMatchObject({
    code: 'run-failed',
    message: `judge: ${server.url} must answer, got 3 failed attempts, the last: 503: overloaded; the same command continues, answers are kept`,
  });
  await server.close();
  await store.close();
  const patient = await open(() => ({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }));
  await expect(patient.ask(question('a'))).rejects.toThrow(
    'got 1 failed attempt, the last: 429: no (and asks to wait 3600 s); the same command continues, answers are kept',
  );
});

test('a fault of the request ends at once; a question that cannot be answered is kept as such', async () => {
  const asker = await open(({ number }) =>
    number === 1
      ? { kind: 'status', status: 401, message: 'who are you' }
      : { kind: 'status', status: 400, code: 'content_filter', message: 'filtered' },
  );
  await expect(asker.ask(question('a'))).rejects.toThrow(
    `judge: ${server.url} answered 401: who are you; check the key in the environment and what it may use`,
  );
  const refused = { kind: 'refused', reason: 'refusal', message: '400: filtered' };
  expect(await asker.ask(question('b'))).toEqual({ isStored: false, outcome: refused });
  expect(await asker.ask(question('b'))).toEqual({ isStored: true, outcome: refused });
  expect(server.requests.length).toBe(2);
});

test('no more at the same time than allowed, and nothing beyond the budget', async () => {
  let third: (() => void) | undefined;
  const until = new Promise<void>((resolve) => (third = resolve));
  const asker = await open(
    ({ number }) => {
      if (number === 3) third?.();
      return { kind: 'answer', text: 'fine', until };
    },
    { concurrency: 3 },
  );
  await Promise.all(Array.from({ length: 12 }, (_, i) => asker.ask(question(`q${i}`))));
  expect([server.requests.length, server.most]).toEqual([12, 3]);
  await server.close();
  await store.close();
  const poor = await open(() => fine, { concurrency: 1, prices: { input: 10, output: 100 }, maxCost: 0.004 });
  await poor.ask(question('x'));
  await poor.ask(question('y'));
  await expect(poor.ask(question('z'))).rejects.toThrow(
    'judge: the budget of $0.004 is spent ($0.0040); the same command with a larger one continues',
  );
  expect((await poor.ask(question('y'))).isStored).toBe(true);
});

test('stopping waits for what is under way and keeps it, and asks nothing more', async () => {
  const stop = new AbortController();
  const asker = await open(
    () => {
      stop.abort();
      return { kind: 'answer', text: 'fine', afterMs: 20 };
    },
    { concurrency: 1 },
  );
  const { signal } = stop;
  const [first, second] = await Promise.allSettled([
    asker.ask(question('a'), { signal }),
    asker.ask(question('b'), { signal }),
  ]);
  expect(first).toMatchObject({ status: 'fulfilled', value: { isStored: false } });
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
  expect([server.requests.length, asker.isStored(question('a'))]).toEqual([1, true]);
});
