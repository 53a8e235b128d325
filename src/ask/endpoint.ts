import type { OpenAI } from 'openai';
import { badInput } from '../core/index.ts';
import type { ChatMessage } from './message.ts';
import { limitedFetch } from './limited-fetch.ts';
import { readFailure, readReply, type Attempt } from './attempt.ts';

/** How a server is told to keep to the shape of the answer. */
export const RESPONSE_FORMATS = ['json-schema', 'json-object', 'text'] as const;
export type ResponseFormat = (typeof RESPONSE_FORMATS)[number];

export interface EndpointOptions {
  /** Up to and with the version: https://api.openai.com/v1. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token and never written anywhere. */
  readonly apiKey: string | undefined;
  /** Default 0. null leaves it out, for models that refuse it. */
  readonly temperature?: number | null;
  /** Longest answer. Default 1024. */
  readonly maxTokens?: number;
  readonly seed?: number | undefined;
  /** Default json-schema. */
  readonly responseFormat?: ResponseFormat;
  /** Further fields of the request's body, such as {"reasoning_effort": "low"}. */
  readonly extraBody?: Readonly<Record<string, unknown>> | undefined;
  /** Of one request, answer included. Default 120,000. */
  readonly timeoutMs?: number;
}

export interface AskOptions {
  /** The JSON schema of the answer. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model behind an OpenAI-compatible API. */
export interface Endpoint {
  readonly url: string;
  readonly model: string;
  /** Longest answer, in tokens. */
  readonly maxTokens: number;
  /** The request's body: everything that decides the answer. */
  body(messages: readonly ChatMessage[], schema?: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** One attempt; never rejects for what a server or the network does. */
  send(body: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Attempt>;
}

/** Hosts that refuse max_tokens for some of their models; everybody else understands it. */
const COMPLETION_TOKEN_HOSTS: readonly string[] = ['api.openai.com'];
const MAX_REPLY_BYTES = 8 * 2 ** 20;

/** An endpoint through the openai package, which is loaded at the first request. Throws bad-input for a URL that is none. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const { model, temperature = 0, maxTokens = 1024, seed, extraBody, timeoutMs = 120_000 } = options;
  const url = checkedUrl(options.url);
  const tokensField = COMPLETION_TOKEN_HOSTS.includes(new URL(url).hostname) ? 'max_completion_tokens' : 'max_tokens';
  // Found out by asking: the body, which names the stored answer, stays what it is.
  let wantsCompletionTokens = false;
  let client: Promise<Pick<OpenAI, 'post'>> | undefined;
  const open = async (): Promise<Pick<OpenAI, 'post'>> => {
    const openai = await import('openai');
    return new openai.OpenAI({
      baseURL: url,
      apiKey: options.apiKey ?? 'none',
      // Without these the package reads them from the environment, and would send them to any server.
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
      maxRetries: 0,
      timeout: timeoutMs,
      logLevel: 'off',
      fetch: limitedFetch(MAX_REPLY_BYTES),
    });
  };
  return {
    url,
    model,
    maxTokens,
    body: (messages, schema) => ({
      model,
      messages,
      [tokensField]: maxTokens,
      ...(temperature === null ? {} : { temperature }),
      ...(seed === undefined ? {} : { seed }),
      ...responseFormat(options.responseFormat ?? 'json-schema', schema),
      ...extraBody,
    }),
    async send(body, signal) {
      client ??= open();
      // The package's own time limit ends with the headers; this one covers the answer's body too.
      const deadline = AbortSignal.timeout(timeoutMs);
      const both = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
      try {
        const post = (sent: Readonly<Record<string, unknown>>): Promise<Attempt> =>
          postOnce(client!, { url, body: sent, signal: both });
        const sent = wantsCompletionTokens ? withCompletionTokens(body) : body;
        const attempt = await post(sent);
        const isRenamable = attempt.kind === 'failed' && attempt.wantsCompletionTokens === true && 'max_tokens' in sent;
        if (!isRenamable) return withoutKey(attempt, options.apiKey);
        wantsCompletionTokens = true;
        return withoutKey(await post(withCompletionTokens(body)), options.apiKey);
      } catch (error) {
        if (deadline.aborted) return { kind: 'retry', message: `no answer within ${timeoutMs / 1000} s` };
        throw error;
      }
    },
  };
}

interface Posted {
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

async function postOnce(client: Promise<Pick<OpenAI, 'post'>>, { url, body, signal }: Posted): Promise<Attempt> {
  const open = await client;
  try {
    return readReply(await open.post('/chat/completions', { body, signal }), url);
  } catch (error) {
    if (signal.aborted) throw error;
    return readFailure(error, url);
  }
}

function withCompletionTokens({ max_tokens: most, ...rest }: Readonly<Record<string, unknown>>) {
  return most === undefined ? rest : { ...rest, max_completion_tokens: most };
}

/** A shorter one is no secret but a word such as none, which local servers are given. */
const SHORTEST_KEY = 6;

/** Servers repeat the key in their complaints; messages end in logs. */
function withoutKey(attempt: Attempt, key: string | undefined): Attempt {
  if (key === undefined || key.length < SHORTEST_KEY || !('message' in attempt)) return attempt;
  return { ...attempt, message: attempt.message.replaceAll(key, '***') };
}

function responseFormat(
  format: ResponseFormat,
  schema: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  if (schema === undefined || format === 'text') return {};
  if (format === 'json-object') return { response_format: { type: 'json_object' } };
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } } };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw badInput(`judge: url must begin with http:// or https://, got ${JSON.stringify(text)}`);
  if (url.username !== '' || url.password !== '')
    throw badInput('judge: url must hold no user and password; put the key into the environment');
  return text.replace(/\/+$/, '');
}
