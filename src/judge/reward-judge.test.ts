import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAsker, type Outcome, openCallStore } from '../ask/index.ts';
import type { Judgement } from './judge.ts';
import { openJudges } from './open-judges.ts';
import { createRewardEndpoint } from './reward-endpoint.ts';
import { createRewardJudge, rewardsOfAsker, type Reward } from './reward-judge.ts';
import { parseJudges } from './specification.ts';
import { manualClock } from './testing/manual-clock.ts';

interface Asked {
  readonly body: Record<string, unknown>;
  readonly authorization: string | undefined;
}

let folder: string;
let server: Server;
let asked: Asked[];
let serve: (request: Asked) => { status?: number; body: string; headers?: Record<string, string> };
let url: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-reward-'));
  asked = [];
  serve = ({ body }) => ({ body: JSON.stringify({ score: String(body['answer']).length }) });
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization } = request.headers;
      const one = { body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>, authorization };
      asked.push(one);
      const { status = 200, body, headers = {} } = serve(one);
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/score`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const COMPARISON = { id: '1', prompt: 'How?', a: 'Thus.', b: 'Like so, in short.' };

test('a scorer behind HTTP: what is asked, what is kept, what is not asked again', async () => {
  const specifications = parseJudges([
    { kind: 'reward', url, model: 'rm', apiKeyVariable: 'RM_KEY', extraBody: { top: 1 } },
  ]);
  await expect(openJudges(specifications, { folder, environment: {} })).rejects.toThrow(
    'judge rm: the key must be in the environment variable RM_KEY, got none; set it',
  );
  const environment = { RM_KEY: 'secret' };
  const opened = await openJudges(specifications, { folder, environment });
  expect(await opened.judge.compare(COMPARISON)).toEqual({
    kind: 'verdict',
    judge: 'rm',
    verdict: 'b',
    confidence: Math.tanh(13 / 2),
    rationale: 'reward: 5.000 against 18.00',
    calls: [],
    usage: { promptTokens: 0, completionTokens: 0 },
  });
  expect(opened.state()).toMatchObject({ asked: 2, stored: 0, cost: undefined });
  await opened.close();
  const body = { model: 'rm', prompt: 'How?', answer: 'Thus.', top: 1 };
  expect(asked.find((one) => one.body['answer'] === 'Thus.')).toEqual({ body, authorization: 'Bearer secret' });
  const again = await openJudges(specifications, { folder, environment });
  expect((await again.judge.compare(COMPARISON)).kind).toBe('verdict');
  expect([asked.length, again.state().stored]).toEqual([2, 2]);
  await again.close();
});

test('failures: repeated, given up, refused, and the key is in no message', async () => {
  const store = await openCallStore<Outcome>(join(folder, 'calls.jsonl'));
  const open = (attempts = 3) => {
    const endpoint = createRewardEndpoint({ url, apiKey: 'secret' });
    return createRewardJudge({
      name: 'r',
      source: rewardsOfAsker(createAsker(endpoint, { store, attempts, clock: manualClock() })),
    });
  };
  let failures = 2;
  serve = ({ body }) =>
    failures-- > 0
      ? { status: 503, body: 'busy' }
      : { body: JSON.stringify({ score: -String(body['answer']).length }) };
  expect(await open().compare(COMPARISON)).toMatchObject({ kind: 'verdict', verdict: 'a' });
  serve = () => ({ body: 'no json' });
  await expect(open(2).compare({ ...COMPARISON, prompt: 'other' })).rejects.toThrow(
    /must answer, got 2 failed attempts, the last: the reply was no JSON; the same command continues, answers are kept$/,
  );
  serve = () => ({ status: 401, body: 'wrong key secret' });
  await expect(open().compare({ ...COMPARISON, prompt: 'third' })).rejects.toThrow(
    /answered 401: wrong key \*\*\*; check the address, the key, and that it takes \{"prompt", "answer"\}$/,
  );
  serve = () => ({ body: '{"reward": 1}' });
  await expect(open().compare({ ...COMPARISON, prompt: 'fourth' })).rejects.toThrow(
    'the scorer must answer {"score": number}, got {"reward": 1}',
  );
  serve = () => ({ status: 413, body: 'too long' });
  expect(await open().compare({ ...COMPARISON, prompt: 'fifth' })).toMatchObject({
    kind: 'none',
    reason: 'too-long',
    message: '413: too long',
  });
  await store.close();
  expect(() => createRewardEndpoint({ url: 'ftp://x' })).toThrow(
    'judge: url must begin with http:// or https://, got "ftp://x"',
  );
});

function rewards(...values: number[]): Promise<Judgement> {
  const source = { identity: 'x', rewards: async () => values.map((value): Reward => ({ kind: 'reward', value })) };
  return createRewardJudge({ name: 'r', tieMargin: 0.5, source }).compare(COMPARISON);
}

test('rewards nearer than the margin are a tie', async () => {
  expect(await rewards(1, 0.5)).toMatchObject({ verdict: 'tie', confidence: 0 });
  expect(await rewards(1, 0.4)).toMatchObject({ verdict: 'a', confidence: Math.tanh(0.3) });
  expect(await rewards(-1, 0.4)).toMatchObject({ verdict: 'b' });
});
