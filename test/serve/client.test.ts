import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { everyRoute } from '../../src/api/index.ts';
import { ApiError, createClient, type Client } from '../../src/client/index.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** The typed client over every route of a server, whose answers are held to what its /openapi.json says of them. */
const folder = temporaryFolder();
let at: TestServer;
let client: Client;
let adminKey: string;
let document: { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
const asked = new Set<string>();
interface Operation {
  readonly responses: { readonly 200: { readonly content: Readonly<Record<string, unknown>> } };
}

beforeAll(async () => {
  at = await startTestServer({ store: folder.path, log: 'text', given: { adapterRoot: folder.path } });
  const { key } = await at.ledger!.keys.create({ name: 'admin', scopes: ['admin'] });
  adminKey = key;
  client = createClient({ baseUrl: `${at.server.url}/`, key });
  const answer = await fetch(`${at.server.url}/openapi.json`, { headers: { authorization: `Bearer ${key}` } });
  document = closed(await answer.json()) as typeof document;
  ajv.addSchema(document, 'openapi');
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });

/** Schemas whose objects have the fields that they name and no other. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const fields = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return 'properties' in fields ? { additionalProperties: false, ...fields } : fields;
}

/** The answer, when it is what /openapi.json says of the route: every field of it, and no other. */
function told<T>(where: string, answer: T, type = 'application/json'): T {
  asked.add(where);
  const [method, path] = where.split(' ') as [string, string];
  const { content } = document.paths[path]![method]!.responses[200];
  expect(Object.keys(content)).toContain(type);
  const part = [path, method, 'responses', '200', 'content', type, 'schema'];
  const pointer = part.map((step) =>
    step.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D'),
  );
  const validate = ajv.compile({ $ref: `openapi#/paths/${pointer.join('/')}` });
  expect([where, validate(answer) ? [] : validate.errors]).toEqual([where, []]);
  return answer;
}

const MODEL = 'embedded-model';
const BODY = { model: MODEL, messages: [{ role: 'user' as const, content: 'What is a dog?' }], temperature: 0 };

test('probes, models, tokens', async () => {
  expect(told('get /health', await client.get('/health'))).toEqual({ status: 'ok' });
  expect(told('get /ready', await client.get('/ready'))).toEqual({ status: 'ready' });
  const figures = await client.get('/metrics');
  expectTypeOf(figures).toEqualTypeOf<string>();
  expect(told('get /metrics', figures, 'text/plain')).toContain('gen_ai_server_request_duration_seconds');
  const { data } = told('get /v1/models', await client.get('/v1/models'));
  expect(data.map(({ id }) => id)).toEqual([MODEL]);
  const one = await client.get('/v1/models/{model}', { params: { model: MODEL } });
  expect(told('get /v1/models/{model}', one)).toEqual(data[0]);
  const body = { model: MODEL, prompt: 'A dog' };
  const { tokens } = told('post /tokenize', await client.post('/tokenize', { body }));
  const back = await client.post('/detokenize', { body: { model: MODEL, tokens: [...tokens] } });
  expect(told('post /detokenize', back).prompt).toContain('A dog');
});

test('answers whole and in pieces, kept and erased', async () => {
  const whole = told(
    'post /v1/chat/completions',
    await client.post('/v1/chat/completions', { body: { ...BODY, logprobs: true, metadata: { task: 'a & b=c' } } }),
  );
  const pieces: string[] = [];
  for await (const chunk of client.stream('/v1/chat/completions', {
    body: { ...BODY, logprobs: true, stream_options: { include_usage: true } },
  })) {
    told('post /v1/chat/completions', chunk, 'text/event-stream');
    pieces.push(chunk.choices[0]?.delta.content ?? '');
  }
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.join('')).toBe(whole.choices[0]!.message.content);
  const text = { model: MODEL, prompt: 'A dog', max_tokens: 3, temperature: 0, logprobs: 1 };
  const continued = told('post /v1/completions', await client.post('/v1/completions', { body: text }));
  let same = '';
  for await (const chunk of client.stream('/v1/completions', { body: text }))
    same += told('post /v1/completions', chunk, 'text/event-stream').choices[0]!.text;
  expect(same).toBe(continued.choices[0]!.text);
  const { id } = whole;
  const list = (task: string) => client.get('/v1/chat/completions', { query: { metadata: { task }, model: MODEL } });
  expect(told('get /v1/chat/completions', await list('a & b=c')).data.map((kept) => kept.id)).toEqual([id]);
  expect((await list('other')).data).toEqual([]);
  const kept = await client.get('/v1/chat/completions/{id}', { params: { id } });
  expect(told('get /v1/chat/completions/{id}', kept).choices[0]!.message).toEqual(whole.choices[0]!.message);
  const { data } = told(
    'get /v1/chat/completions/{id}/messages',
    await client.get('/v1/chat/completions/{id}/messages', { params: { id } }),
  );
  expect(data).toEqual([{ id: `${id}-0`, role: 'user', content: 'What is a dog?' }]);
  const changed = await client.post('/v1/chat/completions/{id}', { params: { id }, body: { metadata: { task: 'b' } } });
  expect(told('post /v1/chat/completions/{id}', changed).metadata).toEqual({ task: 'b' });
  const gone = await client.delete('/v1/chat/completions/{id}', { params: { id } });
  expect(told('delete /v1/chat/completions/{id}', gone).deleted).toBe(true);
});

test('files, and jobs of them', async () => {
  const rows = Array.from(
    { length: 12 },
    (_, i) =>
      `${JSON.stringify({ input: { messages: [{ role: 'user', content: `What is ${i}?` }] }, preferred_output: [{ role: 'assistant', content: 'A number.' }], non_preferred_output: [{ role: 'assistant', content: 'I hope that helps.' }] })}\n`,
  );
  const file = new File([rows.join('')], 'pairs.jsonl');
  const form = { file, purpose: 'fine-tune' as const, expires_after: { anchor: 'created_at' as const, seconds: 3600 } };
  const sent = told('post /v1/files', await client.post('/v1/files', { form }));
  expect([sent.filename, sent.bytes, sent.expires_at]).toEqual(['pairs.jsonl', file.size, sent.created_at + 3600]);
  const params = { id: sent.id };
  expect(
    told('get /v1/files', await client.get('/v1/files', { query: { purpose: 'fine-tune', limit: 1 } })).data,
  ).toEqual([sent]);
  expect(told('get /v1/files/{id}', await client.get('/v1/files/{id}', { params }))).toEqual(sent);
  expect(
    told(
      'get /v1/files/{id}/content',
      await client.get('/v1/files/{id}/content', { params }),
      'application/octet-stream',
    ),
  ).toBe(rows.join(''));
  const bytes = await (await client.raw('get', '/v1/files/{id}/content', { params })).arrayBuffer();
  expect(bytes.byteLength).toBe(file.size);
  const begun = await client.post('/v1/fine_tuning/jobs', {
    body: { model: MODEL, training_file: sent.id, method: { type: 'dpo' }, metadata: { why: 'types' } },
  });
  const { id } = told('post /v1/fine_tuning/jobs', begun);
  const job = { params: { id } };
  const jobs = await client.get('/v1/fine_tuning/jobs', { query: { metadata: { why: 'types' } } });
  expect(told('get /v1/fine_tuning/jobs', jobs).data.map((one) => one.id)).toEqual([id]);
  told('post /v1/fine_tuning/jobs/{id}/pause', await client.post('/v1/fine_tuning/jobs/{id}/pause', job));
  told('post /v1/fine_tuning/jobs/{id}/resume', await client.post('/v1/fine_tuning/jobs/{id}/resume', job));
  told('post /v1/fine_tuning/jobs/{id}/cancel', await client.post('/v1/fine_tuning/jobs/{id}/cancel', job));
  expect(told('get /v1/fine_tuning/jobs/{id}', await client.get('/v1/fine_tuning/jobs/{id}', job)).status).toBe(
    'cancelled',
  );
  const events = await client.get('/v1/fine_tuning/jobs/{id}/events', job);
  expect(told('get /v1/fine_tuning/jobs/{id}/events', events).data.length).toBeGreaterThan(0);
  told('get /v1/fine_tuning/jobs/{id}/checkpoints', await client.get('/v1/fine_tuning/jobs/{id}/checkpoints', job));
  expect(told('delete /v1/files/{id}', await client.delete('/v1/files/{id}', { params })).id).toBe(sent.id);
});

test('keys, aliases, users, audit, records', async () => {
  const { id, key } = told(
    'post /v1/preftune/keys',
    await client.post('/v1/preftune/keys', { body: { name: 'app', scopes: ['infer'] } }),
  );
  expect(key).toMatch(/^pt_live_/);
  const { data: keys } = told('get /v1/preftune/keys', await client.get('/v1/preftune/keys'));
  expect(keys.map(({ name }) => name)).toEqual(['admin', 'app']);
  told('delete /v1/preftune/keys/{id}', await client.delete('/v1/preftune/keys/{id}', { params: { id } }));
  const alias = { params: { id: 'team/prod' } };
  const set = await client.put('/v1/preftune/aliases/{id}', { ...alias, body: { model: MODEL } });
  expect(told('put /v1/preftune/aliases/{id}', set)).toEqual({
    id: 'team/prod',
    object: 'preftune.alias',
    model: MODEL,
  });
  expect((await client.get('/v1/models/{model}', { params: { model: 'team/prod' } })).root).toBe(MODEL);
  told('delete /v1/preftune/aliases/{id}', await client.delete('/v1/preftune/aliases/{id}', alias));
  const user = { params: { id: 'some one@example.com/ü?' } };
  await client.post('/v1/chat/completions', { body: { ...BODY, max_tokens: 1, user: user.params.id } });
  const lines = told(
    'get /v1/preftune/users/{id}/export',
    await client.get('/v1/preftune/users/{id}/export', user),
    'application/jsonl',
  );
  expect(lines.trim().split('\n')).toHaveLength(1);
  expect(told('delete /v1/preftune/users/{id}', await client.delete('/v1/preftune/users/{id}', user)).inferences).toBe(
    1,
  );
  const audit = told(
    'get /v1/preftune/audit',
    await client.get('/v1/preftune/audit', { query: { order: 'desc', limit: 2 } }),
  );
  expect(audit.data.map(({ action }) => action)).toEqual(['user.erase', 'user.export']);
  expect(audit.has_more).toBe(true);
  const records = [{ id: `rec_${'0'.repeat(32)}`, record: { type: 'inference' } }];
  const received = await client.post('/v1/preftune/records', { body: { records } });
  expect(told('post /v1/preftune/records', received).accepted).toEqual([records[0]!.id]);
});

test('the live loop', async () => {
  const { data } = told(
    'get /v1/preftune/inferences',
    await client.get('/v1/preftune/inferences', { query: { limit: 2 } }),
  );
  const one = await client.get('/v1/preftune/inferences/{id}', { params: { id: data[0]!.id } });
  expect(told('get /v1/preftune/inferences/{id}', one)).toEqual(data[0]);
  const added = await client.post('/v1/preftune/candidates', { body: { model: MODEL, parent: 'base' } });
  const candidate = { params: { id: told('post /v1/preftune/candidates', added).id } };
  const reason = { body: { reason: 'it is for a test' } };
  const passing = { to: 'passed' as const, reason: 'a person says so' };
  const moved = await client.post('/v1/preftune/candidates/{id}/move', { ...candidate, body: passing });
  expect(told('post /v1/preftune/candidates/{id}/move', moved).state).toBe('passed');
  const passed = await client.post('/v1/preftune/candidates/{id}/promote', { ...candidate, ...reason });
  expect(told('post /v1/preftune/candidates/{id}/promote', passed).after).toBe(MODEL);
  const same = await client.get('/v1/preftune/candidates/{id}', candidate);
  expect(told('get /v1/preftune/candidates/{id}', same).moves.at(-1)!.reason).toBe(reason.body.reason);
  expect(told('get /v1/preftune/loop', await client.get('/v1/preftune/loop')).candidates).toEqual([same]);
  const refused: [string, Promise<unknown>][] = [
    [
      'candidates/{id}/gate',
      client.post('/v1/preftune/candidates/{id}/gate', { ...candidate, body: { comparison: {} } }),
    ],
    ['loop/rollback', client.post('/v1/preftune/loop/rollback', reason)],
    ['loop/train', client.post('/v1/preftune/loop/train', { body: {} })],
  ];
  for (const [path, call] of refused) {
    await expect(call).rejects.toMatchObject({ name: 'ApiError' });
    asked.add(`post /v1/preftune/${path}`);
  }
});

test('signing in to the page', async () => {
  const session = await client.get('/v1/preftune/session');
  expect(told('get /v1/preftune/session', session)).toMatchObject({ needs_sign_in: true, is_signed_in: false });
  const body = { key: adminKey, name: 'Ann' };
  const signedIn = told('post /v1/preftune/session', await client.post('/v1/preftune/session', { body }));
  expect([signedIn.is_signed_in, signedIn.annotator]).toEqual([true, { name: 'Ann' }]);
  const invite = { scopes: ['label' as const] };
  const link = told('post /v1/preftune/links', await client.post('/v1/preftune/links', { body: invite }));
  expect(link.path).toMatch(/^\/login\/[\w-]{20,}$/);
  // A name is given to a session, and this caller has none: it is no browser.
  await expect(client.put('/v1/preftune/session', { body: { name: 'Ben' } })).rejects.toMatchObject({
    status: 400,
    code: 'no_session',
  });
  asked.add('put /v1/preftune/session');
  expect(told('delete /v1/preftune/session', await client.delete('/v1/preftune/session')).is_signed_in).toBe(false);
});

test('experiments: begun, seen, widened, ended', async () => {
  // The same model on both sides: there is but one here.
  const body = { key: 'aa-1', alias: 'prod', control: MODEL, candidates: [MODEL], is_aa: true, traffic: 0.5 };
  const made = told('post /v1/preftune/experiments', await client.post('/v1/preftune/experiments', { body }));
  expect([made.status, made.traffic]).toEqual(['running', 0.5]);
  const { data, aa } = told('get /v1/preftune/experiments', await client.get('/v1/preftune/experiments'));
  expect([data.map(({ key }) => key), aa]).toEqual([['aa-1'], { runs: 1, false_alarms: 0 }]);
  const params = { id: made.id };
  const one = await client.get('/v1/preftune/experiments/{id}', { params: { id: 'aa-1' } });
  expect(told('get /v1/preftune/experiments/{id}', one).id).toBe(made.id);
  const wide = await client.post('/v1/preftune/experiments/{id}/traffic', { params, body: { traffic: 1 } });
  expect(told('post /v1/preftune/experiments/{id}/traffic', wide).traffic).toBe(1);
  const over = await client.post('/v1/preftune/experiments/{id}/stop', { params, body: { reason: 'seen enough' } });
  expect(told('post /v1/preftune/experiments/{id}/stop', over)).toMatchObject({
    status: 'stopped',
    reason: 'seen enough',
  });
});

test('adapters: a folder that is none is refused', async () => {
  const body = { lora_name: 'x', lora_path: `${folder.path}/nothing` };
  await expect(client.post('/v1/load_lora_adapter', { body })).rejects.toMatchObject({ name: 'ApiError', status: 404 });
  await expect(client.post('/v1/unload_lora_adapter', { body: { lora_name: 'x' } })).rejects.toMatchObject({
    status: 404,
  });
  await expect(client.delete('/v1/models/{model}', { params: { model: 'a/b' } })).rejects.toMatchObject({
    status: 404,
  });
  for (const where of ['post /v1/load_lora_adapter', 'post /v1/unload_lora_adapter', 'delete /v1/models/{model}'])
    asked.add(where);
});

test('no route was left out', () => {
  expect([...asked].toSorted()).toEqual(
    everyRoute()
      .filter(({ answerType }) => answerType !== 'text/html')
      .map(({ method, path }) => `${method} ${path}`)
      .toSorted(),
  );
});

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const thrown = await call.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ApiError);
  return thrown as ApiError;
}

test('refusals have what a page shows and decides by', async () => {
  const error = await failure(client.post('/v1/chat/completions', { body: { ...BODY, model: 'nope' } }));
  expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model', retryAfterMs: null });
  expect(error.requestId).toMatch(/^req_[0-9a-f]{24}$/);
  const unknown = await failure(createClient({ baseUrl: at.server.url, key: 'wrong' }).get('/v1/models'));
  expect(unknown).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'authentication_error' });
  // A field of a query that no schema knows is none that was passed over.
  const query = { limti: 5 } as { limit?: number };
  const strange = await failure(client.get('/v1/preftune/audit', { query }));
  expect([strange.status, strange.param, strange.message]).toEqual([
    400,
    'limti',
    'limti: is not known here; leave it out',
  ]);
  const many = await failure(client.get('/v1/preftune/audit', { query: { limit: 101, order: 'up' as 'asc' } }));
  expect(many.message).toMatch(/^limit: .*100; order: /);
  for (const id of ['', '.', '..'])
    expect(await failure(client.delete('/v1/preftune/users/{id}', { params: { id } }))).toMatchObject({
      status: 0,
      param: 'id',
    });
  const nobody = await failure(createClient({ baseUrl: 'http://127.0.0.1:1' }).get('/health'));
  expect(nobody).toMatchObject({ status: 0, code: 'unreachable' });
});

test('what is aborted throws the reason, and ends on the server', async () => {
  const controller = new AbortController();
  const endless = { ...BODY, max_tokens: 450, logit_bias: { 0: -100, 2: -100 } };
  let id = '';
  const read = async (): Promise<void> => {
    for await (const chunk of client.stream('/v1/chat/completions', { body: endless, signal: controller.signal })) {
      ({ id } = chunk);
      controller.abort(new Error('enough'));
    }
  };
  await expect(read()).rejects.toThrow('enough');
  await expect.poll(async () => (await at.ledger!.inferences.get(id))?.status).toBe('cancelled');
  for await (const chunk of client.stream('/v1/chat/completions', { body: endless })) {
    ({ id } = chunk);
    break;
  }
  await expect.poll(async () => (await at.ledger!.inferences.get(id))?.status).toBe('cancelled');
});

test('what is no route, no field and no value does not compile', () => {
  const calls = [
    // @ts-expect-error no such path
    () => client.get('/v1/nothing'),
    // @ts-expect-error no such method of it
    () => client.put('/v1/models'),
    // @ts-expect-error the name in the path is missing
    () => client.get('/v1/files/{id}'),
    // @ts-expect-error no such field of the query
    () => client.get('/v1/files', { query: { limti: 1 } }),
    // @ts-expect-error a scope that there is not
    () => client.post('/v1/preftune/keys', { body: { name: 'a', scopes: ['all'] } }),
    // @ts-expect-error a body where none is taken
    () => client.get('/v1/models', { body: {} }),
    // @ts-expect-error no stream
    () => client.stream('/tokenize', { body: { model: 'm', prompt: '' } }),
  ];
  expect(calls).toHaveLength(7);
  expectTypeOf<Awaited<ReturnType<typeof client.raw>>>().toEqualTypeOf<Response>();
});
