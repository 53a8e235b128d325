import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HF_TOKEN, startHfStub, type HfStub } from '../../deploy/testing/hf-stub.ts';
import { COMMANDS } from '../commands.ts';
import { runWords } from '../testing/run-words.ts';

let hf: HfStub;
beforeEach(async () => {
  hf = await startHfStub();
});
afterEach(() => hf.close());

const MODEL = ['--model', 'ann/friendly', '--image', 'registry.example.com/preftune:1'];
const run = (words: readonly string[], environment: Record<string, string> = {}, signals = new EventEmitter()) =>
  runWords(['deploy', 'hf', ...words, '--api', `${hf.url}/v2`, '--poll-seconds', '0.01'], COMMANDS, {
    environment: { HF_TOKEN, HF_ENDPOINT: hf.url, ...environment },
    signals,
  });
const wanted = () => hf.endpoints.get('ann/chat') as { readonly type: string; readonly model: Record<string, unknown> };

it('creates an endpoint, tells each state, and says where it answers', async () => {
  hf.states = ['pending', 'initializing', 'running'];
  const { code, out, err } = await run(['chat', ...MODEL]);
  expect([code, err.split('\n').slice(0, -1)]).toEqual([
    0,
    [
      'ann/chat: created',
      'pending, 0 of 1 machines ready',
      'initializing, 0 of 1 machines ready',
      'running, 1 of 1 machines ready',
    ],
  ]);
  expect(out).toBe(
    `ann/chat: running\nbase URL ${hf.url}/deployed/chat/v1, with a token of Hugging Face as key where the endpoint asks for one\n`,
  );
  expect(wanted()).toEqual({
    name: 'chat',
    type: 'authenticated',
    provider: { vendor: 'aws', region: 'us-east-1' },
    compute: {
      accelerator: 'cpu',
      instanceType: 'intel-spr',
      instanceSize: 'x4',
      scaling: { minReplica: 1, maxReplica: 1, scaleToZeroTimeout: null },
    },
    model: {
      repository: 'ann/friendly',
      revision: 'main',
      framework: 'custom',
      task: 'text-generation',
      image: { custom: { url: 'registry.example.com/preftune:1', port: 8000, healthRoute: '/ready' } },
      env: {
        PREFTUNE_MODEL: '/repository',
        PREFTUNE_MODEL_NAME: 'ann/friendly',
        PREFTUNE_STORE: 'none',
        PREFTUNE_AUTH: 'upstream',
        PORT: '8000',
      },
    },
  });
});

it('the same command again updates, and starts a paused endpoint', async () => {
  await run(['chat', ...MODEL]);
  hf.states = ['paused'];
  const { code, err } = await run(['chat', ...MODEL, '--revision', 'v2', '--instance-size', 'x8']);
  expect([code, err.split('\n')[0]]).toEqual([0, 'ann/chat: updated']);
  expect(wanted().model).toMatchObject({ revision: 'v2' });
  expect(hf.requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /v2/endpoint/ann',
    'PUT /v2/endpoint/ann/chat',
    'POST /v2/endpoint/ann/chat/resume',
  ]);
});

it('secrets come from variables and are printed nowhere', async () => {
  const secrets = { HOME_KEY: 'pt_live_home_key_1234', DB: 'db-password-99', CALLERS: 'callers-key-0123456789' };
  const callers = ['--access', 'public', '--api-key-env', 'CALLERS', '--secret', 'DB', '--env', 'A=1=2'];
  const forward = ['--forward', 'https://home.example/v1/preftune/records', '--forward-key-env', 'HOME_KEY'];
  const words = ['chat', ...MODEL, ...callers, ...forward];
  const dry = await run([...words, '--dry-run'], secrets);
  expect(JSON.parse(dry.out.slice(dry.out.indexOf('{')))).toMatchObject({
    body: { model: { secrets: { PREFTUNE_API_KEY: '***', PREFTUNE_FORWARD_KEY: '***', DB: '***' } } },
  });
  expect(hf.requests).toEqual([]);
  const real = await run(words, secrets);
  for (const { out, err } of [dry, real])
    for (const value of [...Object.values(secrets), HF_TOKEN]) expect(out + err).not.toContain(value);
  expect(wanted()).toMatchObject({
    type: 'public',
    model: {
      env: { PREFTUNE_AUTH: 'keys', PREFTUNE_FORWARD: 'https://home.example/v1/preftune/records', A: '1=2' },
      secrets: { PREFTUNE_API_KEY: secrets.CALLERS, PREFTUNE_FORWARD_KEY: secrets.HOME_KEY, DB: secrets.DB },
    },
  });
});

it('a start that fails says why and where to look; the wait has an end', async () => {
  hf.states = ['pending', 'failed'];
  hf.message = 'container exited with 2';
  const failed = await run(['chat', ...MODEL]);
  expect([failed.code, failed.err]).toEqual([
    1,
    expect.stringContaining(
      'ann/chat must start, got failed: container exited with 2; read https://endpoints.huggingface.co/ann/endpoints/chat/logs: mostly the port or health route is another',
    ),
  ]);
  hf.states = ['initializing'];
  const late = await run(['chat', ...MODEL, '--wait-minutes', '0.001']);
  expect([late.code, late.err]).toEqual([
    1,
    expect.stringContaining('must answer within 0 minutes, got initializing; it goes on'),
  ]);
});

it('an update is over when the new state has come, not while the old one is told', async () => {
  await run(['chat', ...MODEL]);
  // Right after the PUT the API may still say running.
  hf.states = ['running', 'running', 'updating', 'running'];
  const { code, err } = await run(['chat', ...MODEL]);
  expect(code).toBe(0);
  expect(err).toContain('updating, 0 of 1 machines ready');
});

it('Ctrl-C leaves the endpoint, and says what goes on and how to look', async () => {
  hf.states = ['initializing'];
  const signals = new EventEmitter();
  hf.before = ({ method }) => {
    if (method === 'GET' && hf.endpoints.size > 0) setImmediate(() => signals.emit('SIGINT'));
    return undefined;
  };
  const { code, err } = await run(['chat', ...MODEL], {}, signals);
  expect([code, err]).toEqual([
    130,
    expect.stringContaining(
      'what the platform has taken of ann/chat goes on there and may cost: preftune deploy hf chat status says how far it is, delete removes it',
    ),
  ]);
  hf.before = () => undefined;
  expect((await run(['chat', 'status'])).out).toBe('ann/chat: initializing\n');
});

it('delete wants --yes, and does no harm twice', async () => {
  await run(['chat', ...MODEL]);
  expect(await run(['chat', 'delete'])).toMatchObject({
    code: 2,
    err: 'delete needs --yes: chat and its address are gone then\n',
  });
  expect((await run(['chat', 'delete', '--yes'])).out).toBe('ann/chat is removed\n');
  expect((await run(['chat', 'delete', '--yes'])).out).toBe('There is no ann/chat\n');
  expect(await run(['chat', 'status'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('ann/chat must exist, got 404'),
  });
});

it.each([
  [401, { error: 'Invalid credentials' }, 'HF_TOKEN must be a token that the hub knows'],
  [402, { error: 'Payment required' }, 'add a payment method'],
  [403, { error: 'Payment method required' }, 'add a payment method'],
  [403, { error: 'Forbidden' }, 'the token must be allowed to manage endpoints of ann'],
  [404, { error: 'Repository not found' }, 'check the spelling of --namespace, --model'],
  [409, { error: 'Endpoint already exists' }, 'the name is taken'],
  [
    422,
    { error: 'Invalid', details: [{ path: ['compute', 'instanceSize'], message: 'unknown size' }] },
    'compute.instanceSize: unknown size',
  ],
  [400, { error: 'quota exceeded for gpu' }, 'there must be room for the instance'],
  [400, 'not JSON', '400: not JSON'],
])('a refusal %d in words', async (status, body, words) => {
  hf.before = ({ method }) => (method === 'POST' ? { status, body } : undefined);
  const { code, err } = await run(['chat', ...MODEL]);
  expect([code, err]).toEqual([2, expect.stringContaining(words)]);
});

it('a name that is taken in the meantime, a region and an access that cannot change', async () => {
  await run(['chat', ...MODEL]);
  expect((await run(['chat', ...MODEL, '--region', 'eu-west-1'])).err).toContain(
    'must stay where it is, aws us-east-1, got aws eu-west-1',
  );
  expect((await run(['chat', ...MODEL, '--access', 'private'])).err).toContain(
    '--access must be authenticated, as chat has it',
  );
});

it('passing failures are tried again, except the one that would create twice', async () => {
  let failures = 1;
  hf.before = ({ path }) =>
    path.endsWith('/ann/chat') && failures-- > 0 ? { status: 503, headers: { 'retry-after': '0' } } : undefined;
  const config = join(mkdtempSync(join(tmpdir(), 'preftune-hf-')), 'hf.yaml');
  writeFileSync(config, 'model: ann/friendly\nimage: you/preftune:1\nwait: false\n');
  // The real wait is 1 s.
  expect((await run(['chat', '--config', config])).code).toBe(0);
  rmSync(join(config, '..'), { recursive: true });
  hf.endpoints.clear();
  hf.before = ({ method }) => (method === 'POST' ? 'cut' : undefined);
  const { code, err } = await run(['chat', ...MODEL]);
  expect([code, err]).toEqual([1, expect.stringContaining('check the connection and run the same command again')]);
  expect(hf.requests.filter(({ method, path }) => method === 'POST' && path === '/v2/endpoint/ann').length).toBe(2);
});

it('what the command sets itself cannot be set beside it', async () => {
  const { code, err } = await run(
    ['chat', ...MODEL, '--env', 'PORT=80', '--env', 'PREFTUNE_AUTH=keys', '--env', 'DB=1', '--secret', 'DB'],
    { DB: 'x' },
  );
  expect([code, err.trim().split('\n')]).toEqual([
    2,
    [
      '--env must leave PORT to the command, which sets it to 8000',
      '--env must leave PREFTUNE_AUTH to the command, which sets it to upstream',
      '--secret and --env must not both set DB; leave one out',
    ],
  ]);
});

it('all problems at once, before anything is asked', async () => {
  const { code, err } = await run([
    'Chat_1',
    '--model',
    'local-folder',
    '--access',
    'public',
    '--secret',
    'NOPE',
    '--health-route',
    'ready',
  ]);
  expect([
    code,
    err
      .trim()
      .split('\n')
      .map((line) => line.split(/,|:| is/)[0]),
  ]).toEqual([
    2,
    [
      'endpoint must be 1 to 32 of a-z',
      '--image',
      '--model must be a hub id such as you/your-model',
      '--health-route must begin with /',
      '--access public lets anybody ask',
      '--secret must name a variable that',
    ],
  ]);
  expect((await run(['chat', ...MODEL], { HF_TOKEN: '', HF_HOME: '/nonexistent' })).err).toContain(
    'HF_TOKEN must be set, got none',
  );
  expect(
    (
      await runWords(['deploy', 'hf', 'chat', 'status', '--api', 'http://api.example/v2'], COMMANDS, {
        environment: { HF_TOKEN },
      })
    ).err,
  ).toContain('--api must be an https:// address');
  expect(hf.requests).toEqual([]);
});
