import { EventReader } from '../core/index.ts';
import { ApiError, errorObject, errorOfAnswer } from './api-error.ts';
import type { AnswerOf, ApiMethod, Arguments, CallOptions, EventOf, PathOf, StreamPath } from './call-types.ts';

export interface ClientOptions {
  /** Where the server is, without `/v1`: `http://127.0.0.1:8000`; empty on a page that the server itself gave. */
  readonly baseUrl: string;
  /** Sent as `Authorization: Bearer`. A page that the server gave needs none: its cookie goes along. */
  readonly key?: string | undefined;
  /** Default: the one of the environment. */
  readonly fetch?: typeof fetch | undefined;
}

type Call<Method extends ApiMethod> = <Path extends PathOf<Method>>(
  path: Path,
  ...options: Arguments<CallOptions<Method, Path>>
) => Promise<AnswerOf<Method, Path>>;

/** The server's routes by method. Every call throws ApiError for what was refused or did not arrive. */
export interface Client {
  readonly get: Call<'get'>;
  readonly post: Call<'post'>;
  readonly put: Call<'put'>;
  readonly delete: Call<'delete'>;
  /** The events of an answer as they come; `stream: true` is added to the body. Leaving the loop ends the answer on the server. */
  stream<Path extends StreamPath>(path: Path, options: CallOptions<'post', Path>): AsyncIterable<EventOf<Path>>;
  /** The answer as it is, when it was no refusal: bytes of a file. */
  raw<Method extends ApiMethod, Path extends PathOf<Method>>(
    method: Method,
    path: Path,
    ...options: Arguments<CallOptions<Method, Path>>
  ): Promise<Response>;
}

/** What all calls can bring; which of it a route takes, its types say. */
interface AnyOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: object;
  readonly body?: object;
  readonly form?: object;
  readonly signal?: AbortSignal | undefined;
}

/** An event that is longer is none of the server's; UTF-16 units. */
const MAX_EVENT_LENGTH = 64 * 2 ** 20;

/**
 * Calls of a server's routes, with the types that the server's own schemas have; nothing of them is there at run time.
 *
 * @example
 * ```ts
 * import { createClient } from 'preftune/client';
 *
 * const client = createClient({ baseUrl: 'http://127.0.0.1:8000', key: 'pt_live_...' });
 * const { data } = await client.get('/v1/fine_tuning/jobs', { query: { limit: 5 } });
 * console.log(data.map(({ id, status }) => `${id} ${status}`));
 * await client.put('/v1/preftune/aliases/{id}', { params: { id: 'prod' }, body: { model: 'base' } });
 * const body = { model: 'prod', messages: [{ role: 'user' as const, content: 'What is a dog?' }] };
 * for await (const { choices } of client.stream('/v1/chat/completions', { body }))
 *   console.log(choices[0]?.delta.content);
 * ```
 */
export function createClient({ baseUrl, key, fetch: ask = fetch }: ClientOptions): Client {
  const start = baseUrl.replace(/\/+$/, '');
  const send = async (method: string, path: string, options: AnyOptions = {}): Promise<Response> => {
    const { body, form, signal } = options;
    const address = start + addressOf(path, options);
    let answer: Response;
    try {
      answer = await ask(address, {
        method: method.toUpperCase(),
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(form !== undefined && { body: formOf(form) }),
        signal: signal ?? null,
      });
    } catch (thrown) {
      throw failureOf(thrown, signal);
    }
    if (answer.ok) return answer;
    throw errorOfAnswer(answer, await reading(answer.text(), signal));
  };
  const call = (method: string) => async (path: string, options?: AnyOptions) => {
    const answer = await send(method, path, options);
    const text = await reading(answer.text(), options?.signal);
    if (!/^application\/json\b/.test(answer.headers.get('content-type') ?? '')) return text;
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new ApiError('the answer is no whole JSON', { status: answer.status, code: 'not_json', cause });
    }
  };
  return {
    get: call('get') as Client['get'],
    post: call('post') as Client['post'],
    put: call('put') as Client['put'],
    delete: call('delete') as Client['delete'],
    raw: (method, path, ...[options]) => send(method, path, options as AnyOptions | undefined),
    async *stream(path, options) {
      const { body, ...rest } = options as AnyOptions;
      const answer = await send('post', path, { ...rest, body: { ...body, stream: true } });
      for await (const data of eventsOf(answer, rest.signal)) yield data as never;
    },
  };
}

/** The objects of server-sent events until `[DONE]`. A stream that ends without it is no whole answer. */
async function* eventsOf(answer: Response, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
  const events = new EventReader({ maxEventLength: MAX_EVENT_LENGTH });
  const reader = answer.body!.getReader();
  const { status, headers } = answer;
  try {
    for (;;) {
      const { done, value } = await reading(reader.read(), signal);
      for (const { data } of done ? events.finish() : events.push(value)) {
        if (data === '[DONE]') return;
        const told = errorObject(data);
        if (told !== undefined)
          throw new ApiError(told.message, { ...told, status, requestId: headers.get('x-request-id') });
        yield JSON.parse(data) as unknown;
      }
      if (done) throw new ApiError('the answer was cut off', { status, code: 'cut_off' });
    }
  } finally {
    // Where nobody reads on, the server must not go on either.
    await reader.cancel().catch(() => undefined);
  }
}

async function reading<T>(part: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await part;
  } catch (thrown) {
    throw failureOf(thrown, signal);
  }
}

/** What an attempt without a whole answer throws: the signal's reason where that ended it. */
function failureOf(thrown: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new ApiError(`the server cannot be reached: ${why}`, { code: 'unreachable', cause: thrown });
}

/** A path with its names filled in, and the query behind it. */
function addressOf(path: string, { params = {}, query = {} }: AnyOptions): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name] ?? '';
    // A URL with these is one of another path, however they are written.
    if (value === '' || value === '.' || value === '..')
      throw new ApiError(`params.${name}: must be a name, got ${JSON.stringify(value)}`, {
        code: 'invalid_value',
        param: name,
      });
    return encodeURIComponent(value);
  });
  const pairs = flat(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? filled : `${filled}?${pairs.join('&')}`;
}

function formOf(fields: object): FormData {
  const form = new FormData();
  for (const [name, value] of flat(fields)) form.append(name, value instanceof Blob ? value : String(value));
  return form;
}

/** Objects in objects as `a[b]`; what is undefined is left out. */
function flat(fields: object, prefix = ''): (readonly [string, unknown])[] {
  return Object.entries(fields).flatMap(([key, value]: [string, unknown]) => {
    const name = prefix === '' ? key : `${prefix}[${key}]`;
    if (value === undefined) return [];
    const isPlain = typeof value === 'object' && value !== null && !(value instanceof Blob);
    return isPlain ? flat(value, name) : [[name, value] as const];
  });
}
