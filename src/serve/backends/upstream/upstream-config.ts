import { z } from 'zod';
import { didYouMean, type Problem } from '../../../core/index.ts';
import { grouped, option } from '../../../options/index.ts';
import { hostKind } from './address.ts';

/** Servers by what they understand. `openai` is any server that follows OpenAI's API and none of the others. */
export const UPSTREAM_KINDS = ['openai', 'azure', 'vllm', 'llama.cpp', 'ollama'] as const;
export type UpstreamKind = (typeof UPSTREAM_KINDS)[number];

const text = z.string().min(1);
const count = z.int().min(1);

/** Another server that answers, as serve.yaml names it. */
export const UPSTREAM_SHAPE = {
  name: option(text, { help: 'the name by which clients ask for it' }),
  baseUrl: option(text, { help: 'up to and with the version: http://127.0.0.1:11434/v1' }),
  kind: option(z.enum(UPSTREAM_KINDS).default('openai'), {
    help: 'which server it is; openai: any that follows the API',
  }),
  model: option(text.optional(), { help: 'what the server calls the model', usually: 'the name' }),
  apiKeyEnv: option(text.optional(), { help: 'environment variable with the key', usually: 'no key' }),
  apiVersion: option(text.optional(), { help: "Azure's api-version", usually: 'none, for base URLs with /openai/v1' }),
  headers: option(z.record(text, z.string()).optional(), { help: 'headers to send with each request' }),
  contextTokens: option(count.optional(), { help: 'positions of prompt and answer, told by /v1/models' }),
  fallbacks: option(z.array(text).default([]), {
    help: 'names of upstreams that answer in its place, in order, where it does not; theirs are not asked',
  }),
  ...grouped('Time', {
    timeoutMs: option(count.default(600_000), { help: 'longest time of a request, retries included' }),
    connectTimeoutMs: option(count.default(10_000), { help: 'longest wait for a connection' }),
    firstTokenTimeoutMs: option(count.default(60_000), { help: 'longest wait for the first piece of a stream' }),
    idleTimeoutMs: option(count.default(60_000), { help: 'longest silence within a stream' }),
    retries: option(z.int().min(0).max(10).default(2), {
      help: 'further attempts after a failure that may pass, before the first piece',
    }),
  }),
  ...grouped('Limits', {
    maxConcurrent: option(count.default(256), { help: 'requests at once' }),
    maxWaiting: option(z.int().min(0).default(256), { help: 'requests that wait for their turn; more get status 429' }),
    maxAnswerBytes: option(count.default(64 * 2 ** 20), { help: 'largest answer' }),
  }),
  ...grouped('Trust', {
    allowedFields: option(z.array(text).default([]), {
      help: 'fields of requests to hand on beside those that servers of its kind are known to have',
    }),
    allowsPrivateAddress: option(z.boolean().default(false), {
      help: 'let the name of the host lead to a private or loopback address',
    }),
    allowsPlainHttp: option(z.boolean().default(false), { help: 'send requests over http:// to other machines' }),
    allowsMediaUrls: option(z.boolean().default(false), {
      help: 'hand on addresses of images and sounds, which the server then fetches; those of OpenAI and Azure always may',
    }),
  }),
};

export const UPSTREAM_SCHEMA = z.strictObject(UPSTREAM_SHAPE);
export type UpstreamSettings = z.output<typeof UPSTREAM_SCHEMA>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Headers that are ours to set, or that belong to one connection. */
const OWN_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What is wrong with upstreams, all of it; paths begin with `upstreams.0`. */
export function upstreamProblems(upstreams: readonly UpstreamSettings[], environment: Environment): Problem[] {
  const names = upstreams.map(({ name }) => name);
  return upstreams.flatMap((settings, place) => {
    const problems: Problem[] = [];
    const where = `upstreams.${place}`;
    const fail = (field: keyof UpstreamSettings, message: string): void =>
      void problems.push({ path: `${where}.${field}`, message: `${where}.${field} ${message}` });
    if (names.indexOf(settings.name) !== place) fail('name', `must be a name of its own, got ${settings.name} again`);
    checkUrl(settings, fail);
    checkKey(settings, environment, fail);
    for (const [header, value] of Object.entries(settings.headers ?? {})) {
      const lower = header.toLowerCase();
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header) || OWN_HEADERS.has(lower))
        fail('headers', `must be headers that may be added, got ${header}`);
      else if (settings.apiKeyEnv !== undefined && (lower === 'authorization' || lower === 'api-key'))
        fail('headers', `must not have ${header} beside apiKeyEnv, which sets it; leave one out`);
      // oxlint-disable-next-line no-control-regex -- these are what is refused
      if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(value))
        fail('headers', `must have values of one line in Latin letters, got another in ${header}`);
    }
    settings.fallbacks.forEach((fallback, at) => {
      if (fallback === settings.name) fail('fallbacks', `must be others, got ${fallback} itself`);
      else if (!names.includes(fallback))
        fail(
          'fallbacks',
          `must be names of upstreams, got ${fallback}; ${didYouMean(fallback, names, `there are ${names.join(', ')}`)}`,
        );
      else if (settings.fallbacks.indexOf(fallback) !== at) fail('fallbacks', `must name each once, got ${fallback}`);
    });
    return problems;
  });
}

type Fail = (field: keyof UpstreamSettings, message: string) => void;

function checkUrl(settings: UpstreamSettings, fail: Fail): void {
  const { baseUrl, kind, apiVersion, allowsPlainHttp, allowsPrivateAddress } = settings;
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return fail('baseUrl', `must begin with http:// or https://, got ${JSON.stringify(withoutUser(baseUrl))}`);
  if (url.username !== '' || url.password !== '')
    fail('baseUrl', 'must hold no user and password; put the key into the environment (apiKeyEnv)');
  if (url.search !== '' || url.hash !== '')
    fail('baseUrl', 'must end with its path, without ? and #; apiVersion is a setting of its own');
  const host = hostKind(url.hostname);
  if (url.protocol === 'http:' && host !== 'loopback' && !allowsPlainHttp)
    fail(
      'baseUrl',
      `must begin with https:// for another machine, got ${url.origin}; allowsPlainHttp: true sends requests that everybody on the way can read`,
    );
  if (host === 'special' && !allowsPrivateAddress)
    fail('baseUrl', `must be no link-local, metadata or reserved address, got ${url.hostname}`);
  const isAzureV1 = url.pathname.replace(/\/+$/, '').endsWith('/openai/v1');
  if (kind === 'azure' && !isAzureV1 && apiVersion === undefined)
    fail('apiVersion', 'must be given for Azure, such as 2024-10-21, or baseUrl must end with /openai/v1');
  if (kind !== 'azure' && apiVersion !== undefined) fail('apiVersion', `has no effect with kind ${kind}; leave it out`);
}

function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//***@').slice(0, 200);
}

function checkKey({ apiKeyEnv }: UpstreamSettings, environment: Environment, fail: Fail): void {
  if (apiKeyEnv === undefined) return;
  const key = environment[apiKeyEnv];
  if (key === undefined || key.trim() === '')
    fail(
      'apiKeyEnv',
      `must name a variable that is set, got ${apiKeyEnv}, which is ${key === undefined ? 'not set' : 'empty'}`,
    );
  else if (!/^[\u0021-\u007e]+$/.test(key))
    fail('apiKeyEnv', `must name a key of one word, got ${apiKeyEnv}, whose value holds blanks or other signs`);
}
