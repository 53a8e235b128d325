import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openLedger, restoreBackup, type Ledger } from '../../src/ledger/index.ts';
import { parseServeSettings, startServer, type RunningServer } from '../../src/serve/index.ts';
import { chunk, events, startStub, STOP, whole, type StubAnswer, type StubUpstream } from '../support/stub-upstream.ts';

/** What a server has on its disk of an answer, and when. */

let folder: string;
let stub: StubUpstream;
let ledger: Ledger;
let server: RunningServer;
let answer: StubAnswer = { body: {} };
/** Writes that the server asked of its ledger. */
let writes: { readonly name: string; readonly id: string }[];
/** What writes of these names wait for before they are done. */
const held = new Map<string, Promise<void>>();

async function noted(name: string, id: string, write: () => Promise<void>): Promise<void> {
  writes.push({ name, id });
  await held.get(name);
  await write();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-records-'));
  stub = await startStub((response, request) => {
    if (typeof answer === 'function') return answer(response, request);
    response.writeHead(answer.status ?? 200, {
      'content-type': typeof answer.body === 'string' ? 'text/event-stream' : 'application/json',
    });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  ledger = await openLedger(join(folder, 'store'), { log: 'text' });
  const { inferences } = ledger;
  const noting: Ledger = {
    ...ledger,
    inferences: {
      ...inferences,
      begin: (start) => noted('begin', start.id, () => inferences.begin(start)),
      finish: (id, end) => noted('finish', id, () => inferences.finish(id, end)),
      record: (start, end) => noted('record', start.id, () => inferences.record(start, end)),
    },
  };
  server = await startServer({
    settings: parseServeSettings(
      { port: 0, store: join(folder, 'store'), upstreams: [{ name: 'big', baseUrl: stub.url, retries: 0 }] },
      {},
    ),
    ledger: noting,
    command: [],
    environment: {},
    resolve: async (model) => model,
    onNote: () => undefined,
    version: '0.0.0',
  });
  await server.ready;
});
afterAll(async () => {
  await server.close(0);
  await ledger.close();
  await stub.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  writes = [];
  held.clear();
});

async function ask(more: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'big', messages: [{ role: 'user', content: 'Hello' }], ...more }),
    ...(signal !== undefined && { signal }),
  });
}

const names = (): string[] => writes.map(({ name }) => name);
const statusOf = async (id: string): Promise<string | undefined> => (await ledger.inferences.get(id))?.status;

function latch<T = void>(): { readonly opened: Promise<T>; readonly open: (value: T) => void } {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}

/** Holds writes of a name until the function is called. */
function hold(name: 'begin' | 'finish' | 'record'): () => void {
  const { opened, open } = latch();
  held.set(name, opened);
  return open;
}

test('a whole answer is one commit, a stream two', async () => {
  answer = { body: whole({ content: 'Hello' }) };
  const { id } = (await (await ask()).json()) as { id: string };
  expect(writes).toEqual([{ name: 'record', id }]);
  const kept = (await ledger.inferences.get(id))!;
  expect(kept).toMatchObject({ status: 'complete', completionTokens: 2, response: { id } });
  expect(kept.request).toEqual({ messages: [{ role: 'user', content: 'Hello' }] });

  writes = [];
  answer = { body: events(chunk({ content: 'Hello' }), STOP) };
  await (await ask({ stream: true })).text();
  expect(names()).toEqual(['begin', 'finish']);
  expect(await statusOf(writes[0]!.id)).toBe('complete');
});

test('a backend that fails and a client that goes leave a record, in one commit too', async () => {
  answer = { status: 503, body: { error: { message: 'no room' } } };
  expect((await ask()).status).toBe(503);
  expect(names()).toEqual(['record']);
  expect(await statusOf(writes[0]!.id)).toBe('failed');

  writes = [];
  const asked = latch();
  answer = () => asked.open();
  const leaving = new AbortController();
  const waiting = ask({}, leaving.signal);
  await asked.opened;
  leaving.abort();
  await expect(waiting).rejects.toThrow('aborted');
  await expect.poll(names).toEqual(['record']);
  await expect.poll(() => statusOf(writes[0]!.id)).toBe('cancelled');
});

test('an answer that is drawn for longer has its beginning on the disk meanwhile', async () => {
  const asked = latch<() => void>();
  answer = (response) => asked.open(() => void response.end(JSON.stringify(whole({ content: 'Late' }))));
  const waiting = ask();
  const give = await asked.opened;
  await expect
    .poll(async () => writes[0] && (await ledger.inferences.get(writes[0].id)), { timeout: 5000 })
    .toEqual(
      expect.objectContaining({ requestedModel: 'big', request: { messages: [{ role: 'user', content: 'Hello' }] } }),
    );
  give();
  const { id } = (await (await waiting).json()) as { id: string };
  expect(writes).toEqual([
    { name: 'begin', id },
    { name: 'finish', id },
  ]);
  expect(await ledger.inferences.get(id)).toMatchObject({ status: 'complete', response: { id } });
});

/** The store as a kill at this moment would leave it, opened again. */
async function afterKill(name: string): Promise<Ledger> {
  const copy = join(folder, name);
  await ledger.backup(`${copy}.tar`);
  await restoreBackup(`${copy}.tar`, copy, async () => undefined);
  return openLedger(copy, { log: 'text' });
}

test('killed between the answer of the backend and the commit: nobody has seen what is not there', async () => {
  const release = hold('record');
  let arrived = 0;
  answer = { body: whole({ content: 'Hello' }) };
  const waiting = ask().then((response) => (arrived++, response.json()));
  await expect.poll(names).toEqual(['record']);
  const { id } = writes[0]!;
  // The backend has answered and was counted; the client has not even a status.
  expect([arrived, await statusOf(id)]).toEqual([0, undefined]);
  const left = await afterKill('whole');
  expect(await left.inferences.get(id)).toBeUndefined();
  await left.close();
  release();
  expect(await waiting).toMatchObject({ id });
  expect(await statusOf(id)).toBe('complete');

  // A stream shows its id with its first byte, and says that it is whole with its last.
  writes = [];
  const [releaseBeginning, releaseEnd] = [hold('begin'), hold('finish')];
  answer = { body: events(chunk({ content: 'Hello' }), STOP) };
  const streaming = ask({ stream: true }).then((response) => (arrived++, response));
  await expect.poll(names).toEqual(['begin']);
  expect(arrived).toBe(1);
  releaseBeginning();
  const response = await streaming;
  let text = '';
  const reading = (async () => {
    for await (const part of response.body!) text += Buffer.from(part).toString();
  })();
  await expect.poll(names).toEqual(['begin', 'finish']);
  await expect.poll(() => text).toContain('"finish_reason":"stop"');
  expect(text).not.toContain('[DONE]');
  const streamId = writes[0]!.id;
  expect(text).toContain(streamId);
  const cut = await afterKill('stream');
  expect(await cut.inferences.get(streamId)).toMatchObject({
    status: 'failed',
    error: 'the server ended before the answer did',
  });
  await cut.close();
  releaseEnd();
  await reading;
  expect(text).toContain('[DONE]');
  expect(await statusOf(streamId)).toBe('complete');
});
