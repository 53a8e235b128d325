import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AZURE_TOKEN, startAzureStub, WORKSPACE_PATH, type AzureStub } from '../../deploy/testing/azure-stub.ts';
import { COMMANDS } from '../commands.ts';
import { runWords } from '../testing/run-words.ts';

let azure: AzureStub;
beforeEach(async () => {
  azure = await startAzureStub();
});
afterEach(() => azure.close());

const PLACE = ['--subscription', 'sub-1', '--resource-group', 'group', '--workspace', 'space'];
const WANTED = [...PLACE, '--location', 'here', '--image', 'reg.azurecr.io/preftune:1', '--model', 'friendly:3'];
const run = (words: readonly string[], environment: Record<string, string> = {}, signals = new EventEmitter()) =>
  runWords(
    ['deploy', 'azure', ...words, '--api', azure.url, '--authority', azure.url, '--poll-seconds', '0.01'],
    COMMANDS,
    {
      environment: { AZURE_ACCESS_TOKEN: AZURE_TOKEN, ...environment },
      signals,
    },
  );
const ENDPOINT = `${WORKSPACE_PATH}/onlineEndpoints/chat`;
const changes = () =>
  azure.requests
    .filter(({ method }) => method !== 'GET')
    .map(
      ({ method, path }) =>
        `${method} ${path.replace(WORKSPACE_PATH, '').replace(/v-[0-9a-f]{10}|versions\/\w+/, 'X')}`,
    );
const deployments = () => [...azure.resources.keys()].flatMap((path) => /\/deployments\/(.*)$/.exec(path)?.[1] ?? []);
const traffic = () => (azure.resources.get(ENDPOINT) as { properties: { traffic: object } }).properties.traffic;

it.each(['azure-asyncoperation', 'location', 'resource'] as const)(
  'makes environment, endpoint and deployment, and then sends requests there (followed by %s)',
  async (follows) => {
    azure.follows = follows;
    const { code, out, err } = await run(['chat', ...WANTED]);
    expect([code, err]).toEqual([0, expect.stringContaining('traffic: all to v-')]);
    const [name] = deployments();
    expect(out).toBe(
      [
        'chat: succeeded',
        `  ${name}: succeeded, Standard_DS3_v2, 100 % of the requests`,
        "base URL https://chat.here.inference.ml.azure.com/v1, with the endpoint's key (az ml online-endpoint get-credentials --name chat)",
        '',
      ].join('\n'),
    );
    expect(changes()).toEqual([
      'PUT /environments/preftune-serve/X',
      'PUT /onlineEndpoints/chat',
      'PUT /onlineEndpoints/chat/deployments/X',
      'PUT /onlineEndpoints/chat',
    ]);
    expect(azure.resources.get(`${ENDPOINT}/deployments/${name}`)).toMatchObject({
      properties: {
        model: `${WORKSPACE_PATH}/models/friendly/versions/3`,
        modelMountPath: '/models',
        environmentVariables: {
          PREFTUNE_AUTH: 'upstream',
          PREFTUNE_MODEL_NAME: 'friendly',
          PREFTUNE_STORE: 'none',
          PORT: '8000',
        },
        livenessProbe: { failureThreshold: 30 },
        readinessProbe: { failureThreshold: 180, period: 'PT10S' },
      },
    });
  },
);

it('the same command again changes nothing; another model makes a second deployment, and the first stays until it answers', async () => {
  await run(['chat', ...WANTED]);
  const count = changes().length;
  const again = await run(['chat', ...WANTED]);
  expect([again.code, changes().length]).toEqual([0, count]);
  const [first] = deployments();
  let during: object | undefined;
  azure.before = ({ method, path }) => {
    if (method === 'GET' && path.includes('mfeOperationsStatus')) during ??= { ...traffic() };
    return undefined;
  };
  const second = await run(['chat', ...WANTED, '--model', 'friendly:4']);
  expect(second.code).toBe(0);
  expect(during).toEqual({ [first!]: 100 });
  const other = deployments().find((name) => name !== first);
  expect(traffic()).toEqual({ [other!]: 100 });
  expect(second.err).toContain(`${first} has no traffic and still costs; --remove-old removes it`);
  await run(['chat', ...WANTED, '--model', 'friendly:4', '--remove-old']);
  expect(deployments()).toEqual([other]);
});

it('a deployment that fails leaves the traffic where it was, and shows the end of its log', async () => {
  await run(['chat', ...WANTED]);
  const before = traffic();
  azure.failing = {
    path: /deployments/,
    error: { code: 'BadArgument', message: 'User container has crashed or terminated: Liveness probe failed' },
  };
  const { code, err } = await run(['chat', ...WANTED, '--model', 'friendly:4']);
  expect(code).toBe(1);
  expect(err).toMatch(/the deployment v-\w+ must succeed, got BadArgument User container has crashed/);
  expect(err).toContain('the container did not become ready: read its log below');
  expect(err).toContain("The container's log ends with:\nInferenceServer 40\nno model at /models");
  expect(traffic()).toEqual(before);
  // Once the cause is away the same command takes it up.
  azure.failing = undefined;
  expect((await run(['chat', ...WANTED, '--model', 'friendly:4'])).code).toBe(0);
  expect(traffic()).not.toEqual(before);
});

it.each([
  ['OutOfQuota', 'ask for more at https://ml.azure.com/quota'],
  ['OutOfCapacity', 'the region has no such machine now'],
  ['ImageBuildFailure', 'give it the role AcrPull'],
])('%s in words', async (code, words) => {
  azure.failing = { path: /deployments/, error: { code, message: 'so it is' } };
  expect((await run(['chat', ...WANTED])).err).toContain(words);
});

it.each([
  [403, { error: { code: 'AuthorizationFailed', message: 'no' } }, 'AzureML Data Scientist'],
  [404, { error: { code: 'ResourceGroupNotFound', message: 'no' } }, 'check --resource-group'],
  [404, { error: { code: 'SubscriptionNotFound', message: 'no' } }, 'check --subscription'],
  [409, { error: { code: 'Conflict', message: 'no' } }, 'another change is under way'],
  [400, { error: { code: 'X', message: 'm', details: [{ target: 'sku', message: 'unknown' }] } }, 'm; sku: unknown'],
])('a refusal %d in words', async (status, body, words) => {
  azure.before = ({ method }) => (method === 'PUT' ? { status, body } : undefined);
  const { code, err } = await run(['chat', ...WANTED]);
  expect([code, err]).toEqual([2, expect.stringContaining(words)]);
});

it('client credentials become tokens, anew when one has expired; no secret is printed', async () => {
  const client = { AZURE_ACCESS_TOKEN: '', AZURE_TENANT_ID: 'tenant-1', AZURE_CLIENT_ID: 'client-1' };
  azure.tokens = ['first'];
  azure.before = ({ path }) => {
    // In the middle of the deployment the first token ends.
    if (path.includes('mfeOperationsStatus') && azure.tokens[0] === 'first') azure.tokens = ['second'];
    return undefined;
  };
  const good = await run(['chat', ...WANTED], { ...client, AZURE_CLIENT_SECRET: 'the-secret' });
  expect(good.code).toBe(0);
  expect(azure.requests.filter(({ path }) => path.endsWith('/token')).length).toBe(2);
  const wrong = await run(['chat', ...WANTED], { ...client, AZURE_CLIENT_SECRET: 'wrong-secret' });
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('AADSTS7000215')]);
  const none = await run(['chat', 'status', ...PLACE], { ...client, AZURE_CLIENT_ID: '' });
  expect(none.err).toContain('must be set, got AZURE_TENANT_ID; for a person: export AZURE_ACCESS_TOKEN=');
  for (const { out, err } of [good, wrong, none])
    for (const secret of ['the-secret', 'wrong-secret', 'first', 'second']) expect(out + err).not.toContain(secret);
});

it('an operation at another address is not followed there with the token', async () => {
  const elsewhere = await startAzureStub();
  try {
    azure.before = ({ method, path, body }) => {
      if (method !== 'PUT' || !path.endsWith('/onlineEndpoints/chat')) return undefined;
      azure.resources.set(path, { ...(body as object), state: 'Succeeded' });
      return {
        status: 201,
        headers: { 'azure-asyncoperation': `${elsewhere.url}/steal`, 'retry-after': '0' },
        body: {},
      };
    };
    expect((await run(['chat', ...WANTED])).code).toBe(0);
    expect(elsewhere.requests).toEqual([]);
  } finally {
    await elsewhere.close();
  }
});

it('Ctrl-C leaves requests where they went, and says how to go on', async () => {
  const signals = new EventEmitter();
  azure.before = ({ path }) => {
    if (path.includes('mfeOperationsStatus')) setImmediate(() => signals.emit('SIGTERM'));
    return undefined;
  };
  const { code, err } = await run(['chat', ...WANTED], {}, signals);
  expect([code, err]).toEqual([130, expect.stringContaining('preftune deploy azure chat status says how far it is')]);
  azure.before = () => undefined;
  azure.looks = 0;
  // Azure ended the change in the meantime.
  azure.resources.get(ENDPOINT)!['state'] = 'Succeeded';
  expect((await run(['chat', ...WANTED])).code).toBe(0);
});

it('an endpoint keeps its tags, identity and way of asking when its traffic changes', async () => {
  azure.resources.set(ENDPOINT, {
    location: 'here',
    tags: { team: 'chat' },
    identity: {
      type: 'UserAssigned',
      userAssignedIdentities: { '/subscriptions/x': { clientId: '1', principalId: '2' } },
    },
    properties: { authMode: 'AMLToken', description: 'ours', publicNetworkAccess: 'Disabled', traffic: {} },
    state: 'Succeeded',
  });
  expect((await run(['chat', ...WANTED])).code).toBe(0);
  expect(azure.resources.get(ENDPOINT)).toMatchObject({
    tags: { team: 'chat' },
    identity: { type: 'UserAssigned', userAssignedIdentities: { '/subscriptions/x': {} } },
    properties: { authMode: 'AMLToken', description: 'ours', publicNetworkAccess: 'Disabled' },
  });
});

it.each([
  ['azureml:friendly:3', 'friendly', `${WORKSPACE_PATH}/models/friendly/versions/3`],
  ['azureml://registries/reg/models/Phi-3/versions/2', 'Phi-3', 'azureml://registries/reg/models/Phi-3/versions/2'],
])('a model is named in each of the ways that Azure has: %s', async (model, name, id) => {
  const { out } = await run(['chat', ...WANTED, '--model', model, '--dry-run']);
  const [, , deployment] = JSON.parse(out) as { body: { properties: Record<string, unknown> } }[];
  expect(deployment!.body.properties).toMatchObject({ model: id, environmentVariables: { PREFTUNE_MODEL_NAME: name } });
});

it('status and delete; what is not there; the key of --forward is not printed', async () => {
  await run(['chat', ...WANTED]);
  const [name] = deployments();
  expect((await run(['chat', 'status', ...PLACE])).out).toContain(`  ${name}: succeeded, Standard_DS3_v2, 100 %`);
  expect(await run(['chat', 'delete', ...PLACE])).toMatchObject({ code: 2 });
  expect((await run(['chat', 'delete', ...PLACE, '--deployment', name!, '--yes'])).out).toBe(
    `chat/${name} is removed\n`,
  );
  expect((await run(['chat', 'delete', ...PLACE, '--yes'])).out).toBe('chat is removed\n');
  expect((await run(['chat', 'delete', ...PLACE, '--yes'])).out).toBe('There is no chat\n');
  expect(await run(['chat', 'status', ...PLACE])).toMatchObject({ code: 2 });
  const words = ['--forward', 'https://home.example/v1/preftune/records', '--forward-key-env', 'K', '--dry-run'];
  const { out } = await run(['chat', ...WANTED, ...words], { K: 'pt_live_home_key' });
  expect(out).toContain('"PREFTUNE_FORWARD_KEY": "***"');
  expect(out).not.toContain('pt_live_home_key');
});

it('all problems at once, before anything is asked', async () => {
  const { code, err } = await run(['1', '--model', 'friendly', '--scoring-route', 'v1']);
  expect([
    code,
    err
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 3).join(' ')),
  ]).toEqual([
    2,
    [
      'endpoint must be',
      '--subscription is required,',
      '--resource-group is required',
      '--workspace is required',
      '--location is required',
      '--image is required',
      '--model must be',
      '--scoring-route must begin',
    ],
  ]);
  expect(azure.requests).toEqual([]);
});
