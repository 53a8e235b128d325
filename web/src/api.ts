import { QueryClient } from '@tanstack/react-query';

/** What the server says of a request that it does not answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  constructor(status: number, message: string, code?: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/v1/x?limit=20`: undefined is left out. */
export function withQuery(path: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) words.set(name, String(value));
  const text = words.toString();
  return text === '' ? path : `${path}?${text}`;
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { message: string; code?: string } };
    return new ApiError(response.status, error.message, error.code);
  } catch {
    return new ApiError(response.status, text.slice(0, 300) || response.statusText);
  }
}

/** Asks a route of the server that this page came from. Throws ApiError; status 0 where the server cannot be reached. */
export async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The server cannot be reached. Is it still running?');
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export async function getJson<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await (await ask('GET', withQuery(path, query), undefined, signal)).json()) as T;
}

export async function sendJson<T>(
  method: 'POST' | 'PUT' | 'DELETE' | 'PATCH',
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await ask(method, path, body);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** A page of a list, as OpenAI writes it. */
export interface ListOf<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly first_id?: string | null;
  readonly last_id?: string | null;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      // What is wrong with the request stays wrong; a server that is away comes back.
      retry: (count, error) => count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
      refetchOnWindowFocus: true,
    },
  },
});

/** A stream of chat completions as its chunks. */
export async function* streamChat(body: object, signal: AbortSignal): AsyncGenerator<ChatChunk> {
  const response = await ask('POST', '/v1/chat/completions', { ...body, stream: true }, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const data = line.slice('data: '.length);
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data) as ChatChunk & { error?: { message: string } };
      if (chunk.error !== undefined) throw new ApiError(500, chunk.error.message);
      yield chunk;
    }
  }
}

export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
}

export interface ChatChunk {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly content?: string | null; readonly reasoning_content?: string | null };
    readonly finish_reason: string | null;
    readonly logprobs?: { readonly content: readonly TokenLogprob[] | null } | null;
  }[];
}
