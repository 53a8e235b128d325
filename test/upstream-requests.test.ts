import { expect, test } from 'vitest';
import type { JsonObject } from '../src/core/index.ts';
import { addressKind, checkedLookup, hostKind, isAllowedAddress } from '../src/serve/backends/upstream/address.ts';
import { pathsOf } from '../src/serve/backends/upstream/paths.ts';
import { upstreamBody } from '../src/serve/backends/upstream/request-body.ts';
import { dialectOf } from '../src/serve/backends/upstream/request-fields.ts';
import {
  UPSTREAM_SCHEMA,
  upstreamProblems,
  type UpstreamKind,
  type UpstreamSettings,
} from '../src/serve/backends/upstream/upstream-config.ts';
import { all, HELLO, open, startStub, streamed, unstreamed, whole } from './support/stub-upstream.ts';

/** What is configured, where it leads, and what is sent there. */

const LOCAL = 'http://127.0.0.1:8000/v1';
const settingsOf = (given: object): UpstreamSettings => UPSTREAM_SCHEMA.parse({ name: 'up', baseUrl: LOCAL, ...given });

test('a configuration is refused whole, with the place of each problem', () => {
  const upstreams = [
    { name: 'a', baseUrl: 'ftp://x', apiKeyEnv: 'MISSING', fallbacks: ['a', 'c', 'b', 'b'] },
    { name: 'b', baseUrl: 'https://user:secret@example.com/v1?key=1', apiVersion: '1' },
    {
      name: 'b',
      baseUrl: 'http://example.com/v1',
      apiKeyEnv: 'EMPTY',
      headers: { Host: 'x', 'x-a': 'a\nb', 'x y': '' },
    },
    { name: 'd', baseUrl: 'https://example.openai.azure.com', kind: 'azure' },
    { name: 'e', baseUrl: 'http://169.254.169.254/v1', allowsPlainHttp: true },
    { name: 'f', baseUrl: LOCAL, apiKeyEnv: 'TORN', headers: { Authorization: 'x' } },
    {
      name: 'g',
      baseUrl: 'https://us.example.com/v1',
      fallbacks: ['d'],
      apiKeyEnv: 'GOOD',
      headers: { 'x-team': 'a' },
    },
  ].map((each) => UPSTREAM_SCHEMA.parse(each));
  const problems = upstreamProblems(upstreams, { EMPTY: ' ', TORN: 'two words', GOOD: 'sk-1' });
  expect(problems.map(({ message }) => message)).toEqual([
    'upstreams.0.baseUrl must begin with http:// or https://, got "ftp://x"',
    'upstreams.0.apiKeyEnv must name a variable that is set, got MISSING, which is not set',
    'upstreams.0.fallbacks must be others, got a itself',
    'upstreams.0.fallbacks must be names of upstreams, got c; did you mean a?',
    'upstreams.0.fallbacks must name each once, got b',
    'upstreams.1.baseUrl must hold no user and password; put the key into the environment (apiKeyEnv)',
    'upstreams.1.baseUrl must end with its path, without ? and #; apiVersion is a setting of its own',
    'upstreams.1.apiVersion has no effect with kind openai; leave it out',
    'upstreams.2.name must be a name of its own, got b again',
    'upstreams.2.baseUrl must begin with https:// for another machine, got http://example.com; allowsPlainHttp: true sends requests that everybody on the way can read',
    'upstreams.2.apiKeyEnv must name a variable that is set, got EMPTY, which is empty',
    'upstreams.2.headers must be headers that may be added, got Host',
    'upstreams.2.headers must have values of one line in Latin letters, got another in x-a',
    'upstreams.2.headers must be headers that may be added, got x y',
    'upstreams.3.apiVersion must be given for Azure, such as 2024-10-21, or baseUrl must end with /openai/v1',
    'upstreams.4.baseUrl must be no link-local, metadata or reserved address, got 169.254.169.254',
    'upstreams.5.apiKeyEnv must name a key of one word, got TORN, whose value holds blanks or other signs',
    'upstreams.5.headers must not have Authorization beside apiKeyEnv, which sets it; leave one out',
  ]);
  expect(problems[0]!.path).toBe('upstreams.0.baseUrl');
});

test('kinds of addresses, in every way to write them', () => {
  const kinds: Readonly<Record<string, readonly string[]>> = {
    public: ['1.1.1.1', '172.15.255.255', '172.32.0.0', '2606:4700::1111', '64:ff9b::101:101', '::ffff:1.1.1.1'],
    loopback: ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
    private: ['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fd12::1', '::ffff:10.0.0.1'],
    special: [
      '169.254.169.254',
      'fe80::1%eth0',
      'fd00:ec2::254',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.192',
      '0.0.0.0',
      '::',
      '224.0.0.1',
      '255.255.255.255',
      'ff02::1',
      '2002:7f00:1::',
      '::ffff:169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      'no address',
    ],
  };
  for (const [kind, addresses] of Object.entries(kinds))
    expect(addresses.map((address) => [address, addressKind(address)])).toEqual(
      addresses.map((address) => [address, kind]),
    );
  // The URL parser writes numbers in one way.
  expect(
    [
      'http://0x7f.1',
      'http://2130706433',
      'http://[::1]',
      'http://localhost',
      'http://api.localhost',
      'http://vllm',
    ].map((url) => hostKind(new URL(url).hostname)),
  ).toEqual(['loopback', 'loopback', 'loopback', 'loopback', 'loopback', undefined]);
});

const allowed = (host: string, allowsPrivateAddress: boolean) =>
  ['1.1.1.1', '10.0.0.1', '127.0.0.1', '169.254.169.254'].filter((address) =>
    isAllowedAddress(address, { host, allowsPrivateAddress }),
  );

test('a name may lead to public addresses, to private ones where that is allowed, and to metadata never', () => {
  expect(allowed('vllm.example', false)).toEqual(['1.1.1.1']);
  expect(allowed('vllm.example', true)).toEqual(['1.1.1.1', '10.0.0.1', '127.0.0.1']);
  expect(allowed('localhost', false)).toEqual(['1.1.1.1', '127.0.0.1']);
  expect(allowed('10.0.0.9', false)).toEqual(['1.1.1.1', '10.0.0.1']);
  expect(allowed('169.254.169.254', true)).toEqual(['1.1.1.1', '10.0.0.1', '127.0.0.1', '169.254.169.254']);
});

test('what was checked is what is connected to, in both forms of a look-up', async () => {
  const found = [
    { address: '10.0.0.1', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ];
  const lookup = checkedLookup({ host: 'vllm.example', allowsPrivateAddress: false }, (_, __, done) =>
    done(null, found),
  );
  const ask = (options: object): Promise<unknown[]> =>
    new Promise((resolve) => lookup('vllm.example', options, (...answer: unknown[]) => resolve(answer)));
  expect(await ask({ all: true })).toEqual([null, [{ address: '2606:4700::1111', family: 6 }]]);
  expect(await ask({})).toEqual([null, '2606:4700::1111', 6]);
  const nowhere = checkedLookup({ host: 'x', allowsPrivateAddress: false }, (_, __, done) =>
    done(null, found.slice(0, 1)),
  );
  const [error] = await new Promise<unknown[]>((resolve) =>
    nowhere('x', {}, (...answer: unknown[]) => resolve(answer)),
  );
  expect(String(error)).toBe('Error: the name leads to an address of the kind private');
});

const bodyOf = (
  kind: UpstreamKind,
  body: JsonObject,
  {
    route = 'chat',
    isStreamed = false,
    ...given
  }: { route?: 'chat' | 'text'; isStreamed?: boolean } & Partial<UpstreamSettings> = {},
): JsonObject => {
  const settings = settingsOf({ kind, model: 'm', ...given });
  const dialect = dialectOf(settings);
  const tokensField = dialect === 'openai' || dialect === 'azure' ? 'max_completion_tokens' : 'max_tokens';
  return upstreamBody(body, { settings, dialect, route, isStreamed, tokensField });
};
const chat = (more: JsonObject): JsonObject => ({
  model: 'theirs',
  messages: [{ role: 'user', content: 'a' }],
  ...more,
});
const refused = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'taken';
};

test('who asks, and what is kept here, goes nowhere; fields get the names that the server knows', () => {
  const asked = chat({
    stream: true,
    stream_options: { include_usage: false, include_obfuscation: false },
    store: true,
    metadata: { a: 'b' },
    user: 'me',
    safety_identifier: 'me',
    preftune_episode: 'x',
    max_completion_tokens: 5,
    seed: 1,
  });
  const messages = [{ role: 'user', content: 'a' }];
  const stream = { stream: true, stream_options: { include_usage: true } };
  for (const kind of ['openai', 'vllm', 'llama.cpp', 'ollama'] as const)
    expect(bodyOf(kind, asked, { isStreamed: true })).toEqual({
      model: 'm',
      messages,
      max_tokens: 5,
      seed: 1,
      ...stream,
    });
  expect(bodyOf('openai', asked, { isStreamed: true, baseUrl: 'https://api.openai.com/v1' })).toEqual({
    model: 'm',
    messages,
    max_completion_tokens: 5,
    seed: 1,
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
  });
  expect(bodyOf('azure', chat({ max_tokens: 5 }))).toEqual({ model: 'm', messages, max_completion_tokens: 5 });
  expect(bodyOf('llama.cpp', chat({ repetition_penalty: 1.1, logprobs: true }))).toEqual({
    model: 'm',
    messages,
    repeat_penalty: 1.1,
    logprobs: true,
    top_logprobs: 1,
  });
  expect(
    bodyOf('openai', { model: 'x', prompt: 'a', max_tokens: 0, echo: true, logprobs: 1 }, { route: 'text' }),
  ).toEqual({
    model: 'm',
    prompt: 'a',
    max_tokens: 0,
    echo: true,
    logprobs: 1,
  });
});

test('what a server lacks is refused by name, and left out where it says what holds anyway', () => {
  const neutral = {
    n: 1,
    logprobs: false,
    logit_bias: {},
    tool_choice: 'auto',
    parallel_tool_calls: true,
    top_k: -1,
    min_p: 0,
  };
  expect(bodyOf('ollama', chat(neutral))).toEqual({ model: 'm', messages: [{ role: 'user', content: 'a' }] });
  const tools = [{ type: 'function', function: { name: 'f' } }];
  for (const [name, value] of Object.entries({
    n: 2,
    logprobs: true,
    logit_bias: { '1': 2 },
    top_k: 5,
    tool_choice: 'required',
  }))
    expect(refused(() => bodyOf('ollama', chat({ tools, [name]: value })))).toBe(
      `${name}: the server behind this model (Ollama) does not have it; leave it out`,
    );
  expect(bodyOf('ollama', chat({ tools, tool_choice: 'none' }))).not.toHaveProperty('tools');
  expect(refused(() => bodyOf('openai', chat({ top_k: 5 })))).toContain('an OpenAI-compatible server');
  expect(refused(() => bodyOf('vllm', chat({ guided_regex: 'a' })))).toContain('guided_regex');
  expect(bodyOf('vllm', chat({ guided_regex: 'a' }), { allowedFields: ['guided_regex'] })).toMatchObject({
    guided_regex: 'a',
  });
  for (const field of ['chat_template', 'extra_body', 'api_base'])
    expect(refused(() => bodyOf('vllm', chat({ [field]: 'a' }), { allowedFields: [field] }))).toContain(
      'not handed on',
    );
  expect(refused(() => bodyOf('openai', chat({ functions: [] })))).toContain('use tools');
  expect(refused(() => bodyOf('vllm', chat({ chat_template_kwargs: { a: [1], ok: true } })))).toContain('got a');
  expect(bodyOf('vllm', chat({ chat_template_kwargs: { enable_thinking: false } }))).toMatchObject({
    chat_template_kwargs: { enable_thinking: false },
  });
  expect(
    refused(() => bodyOf('vllm', chat({ stream_options: { include_obfuscation: true } }), { isStreamed: true })),
  ).toContain('stream_options.include_obfuscation');
  const text = (prompt: JsonObject[string]) => bodyOf('ollama', { model: 'x', prompt }, { route: 'text' });
  expect(text(['a'])).toEqual({ model: 'm', prompt: 'a' });
  expect(refused(() => text(['a', 'b']))).toContain('takes one text');
  expect(refused(() => text([1, 2]))).toContain('no token ids');
});

test("roles and pictures: templates know no developer, and servers of one's own fetch nothing for strangers", () => {
  const developer = { messages: [{ role: 'developer', content: 'a' }] };
  expect(bodyOf('vllm', chat(developer))['messages']).toEqual([{ role: 'system', content: 'a' }]);
  expect(bodyOf('openai', chat(developer), { baseUrl: 'https://api.openai.com/v1' })['messages']).toEqual(
    developer.messages,
  );
  const picture = (url: string) =>
    chat({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'http://text' },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ],
    });
  const web = picture('http://169.254.169.254/latest/meta-data');
  expect(refused(() => bodyOf('vllm', web))).toContain('messages[0].content[1]');
  expect(refused(() => bodyOf('vllm', web, { allowsMediaUrls: true }))).toBe('taken');
  expect(refused(() => bodyOf('openai', web, { baseUrl: 'https://api.openai.com/v1' }))).toBe('taken');
  for (const url of ['file:///etc/passwd', 'FILE:/etc/passwd', 'ftp://x'])
    expect(refused(() => bodyOf('vllm', picture(url), { allowsMediaUrls: true }))).toContain('send a data: URL');
  expect(refused(() => bodyOf('vllm', picture('data:image/png;base64,AA')))).toBe('taken');
});

test('addresses by kind', () => {
  const azure = { kind: 'azure', model: 'my deployment', apiVersion: '2024-10-21' };
  const deployed =
    'https://x.openai.azure.com/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21';
  for (const baseUrl of ['https://x.openai.azure.com', 'https://x.openai.azure.com/openai/'])
    expect(pathsOf(settingsOf({ ...azure, baseUrl })).chat).toBe(deployed);
  const v1 = settingsOf({ kind: 'azure', baseUrl: 'https://x.openai.azure.com/openai/v1/' });
  expect(pathsOf(v1)).toMatchObject({
    chat: 'https://x.openai.azure.com/openai/v1/chat/completions',
    health: 'https://x.openai.azure.com/openai/v1/models',
  });
  expect(pathsOf(settingsOf({ kind: 'vllm', baseUrl: 'http://127.0.0.1:8000/v1/' }))).toMatchObject({
    text: 'http://127.0.0.1:8000/v1/completions',
    tokenize: 'http://127.0.0.1:8000/tokenize',
    health: 'http://127.0.0.1:8000/health',
  });
});

test('headers: the key of the configuration and nothing else; Azure has a header of its own', async () => {
  const stub = await startStub({ body: whole({ content: 'a' }) });
  try {
    const environment = { KEY: 'our-secret-key' };
    for (const kind of ['openai', 'azure'] as const) {
      const azure = kind === 'azure' ? { apiVersion: '1', model: 'd' } : {};
      const { backend } = open([{ baseUrl: stub.url, kind, apiKeyEnv: 'KEY', headers: { 'x-team': 'a' }, ...azure }], {
        environment,
      });
      await all(backend.chat(HELLO, unstreamed()));
    }
    const names = stub.requests.map(({ headers }) => Object.keys(headers).toSorted());
    const common = [
      'accept',
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-team',
    ];
    expect(names).toEqual([[...common, 'authorization'].toSorted(), [...common, 'api-key'].toSorted()]);
    expect(stub.requests[1]!.headers['api-key']).toBe('our-secret-key');
    expect(stub.requests[1]!.path).toBe('/v1/openai/deployments/d/chat/completions?api-version=1');
  } finally {
    await stub.close();
  }
});

test('a server that wants max_completion_tokens is asked again so, and from then on', async () => {
  const body = {
    error: {
      message: "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
      param: 'max_tokens',
    },
  };
  const stub = await startStub({ status: 400, body }, { body: whole({ content: 'a' }) });
  try {
    const { backend } = open([{ baseUrl: stub.url, retries: 0 }]);
    for (let at = 0; at < 2; at++) await all(backend.chat({ ...HELLO, max_tokens: 5 }, unstreamed()));
    expect(stub.requests.map((request) => Object.keys(request.body).at(-1))).toEqual([
      'max_tokens',
      'max_completion_tokens',
      'max_completion_tokens',
    ]);
  } finally {
    await stub.close();
  }
});

test('token ids from vLLM and from llama.cpp, of texts and conversations; others have none', async () => {
  const stub = await startStub((response, { path, body }) => {
    const answers: Readonly<Record<string, object>> = {
      '/tokenize':
        body.content === undefined
          ? { count: 2, max_model_len: 9, tokens: [5, 6], token_strs: ['a', 'b'] }
          : {
              tokens: [
                { id: 7, piece: body.content },
                { id: 8, piece: [226, 130, 172] },
              ],
            },
      '/apply-template': { prompt: `<${body.messages?.[0].content}>` },
      '/detokenize': body.model === undefined ? { content: 'text' } : { prompt: 'text' },
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answers[path]));
  });
  try {
    const call = streamed();
    const vllm = open([{ baseUrl: stub.url, kind: 'vllm', model: 'm' }]).backend;
    const llama = open([{ baseUrl: stub.url, kind: 'llama.cpp' }]).backend;
    expect(await vllm.tokenize!({ model: 'x', prompt: 'ab', add_special_tokens: false }, call)).toEqual({
      ids: [5, 6],
      tokens: ['a', 'b'],
    });
    expect(stub.requests[0]!.body).toEqual({
      model: 'm',
      prompt: 'ab',
      add_special_tokens: false,
      return_token_strs: true,
    });
    expect(await llama.tokenize!({ model: 'x', messages: HELLO.messages }, call)).toEqual({
      ids: [7, 8],
      tokens: ['<Hello>', '€'],
    });
    expect([await vllm.detokenize!([5]), await llama.detokenize!([7])]).toEqual(['text', 'text']);
    expect(open([{ baseUrl: stub.url }]).backend).not.toHaveProperty('tokenize');
  } finally {
    await stub.close();
  }
});
