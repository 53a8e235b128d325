import { QueryClient } from '@tanstack/react-query';
import { ApiError, createClient } from '../../src/client/index.ts';

/** The routes of the server that this page came from, with their types. */
export const api = createClient({ baseUrl: '' });

export { ApiError };
export type { AnswerOf, CallOptions } from '../../src/client/index.ts';

/** Routes of feedback and labelling, whose schemas the typed client does not know yet. Throws ApiError. */
export async function askUntyped<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch(() => {
    throw new ApiError('The server cannot be reached. Is it still running?');
  });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as T;
  const told = /^\s*\{/.test(text) ? (JSON.parse(text) as { error?: { message: string } }).error : undefined;
  throw new ApiError(told?.message ?? `${answer.status}: ${text.slice(0, 200)}`, { status: answer.status });
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
