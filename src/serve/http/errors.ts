import { PreftuneError } from '../../core/index.ts';
import { ServeError } from '../serve-error.ts';

/** What anything that was thrown is to a client. What is our own fault is told in one sentence, without its text, which may hold paths. */
export function asServeError(thrown: unknown): ServeError {
  if (thrown instanceof ServeError) return thrown;
  if (thrown instanceof PreftuneError)
    switch (thrown.code) {
      case 'busy':
        return new ServeError(429, 'The server has too many requests waiting; try again', {
          code: 'queue_full',
          retryAfterSeconds: 1,
          cause: thrown,
        });
      case 'bad-input':
      case 'bad-usage':
        return new ServeError(400, thrown.message, { cause: thrown });
      case 'cancelled':
        return new ServeError(499, 'The request was cancelled', {
          code: 'cancelled',
          shouldRetry: false,
          cause: thrown,
        });
      default:
        break;
    }
  return new ServeError(500, 'The server had a fault of its own while it answered; its log says more', {
    code: 'internal_error',
    cause: thrown,
  });
}

/** OpenAI's error body. */
export function errorBody({ message, type, param, code }: ServeError): {
  readonly error: { message: string; type: string; param: string | null; code: string | null };
} {
  return { error: { message, type, param, code } };
}

/** Headers by which OpenAI's clients decide whether and when to repeat. */
export function errorHeaders({ retryAfterSeconds, shouldRetry, status }: ServeError): Record<string, string> {
  return {
    ...(retryAfterSeconds !== undefined && {
      'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))),
      'retry-after-ms': String(Math.ceil(retryAfterSeconds * 1000)),
    }),
    ...(shouldRetry !== undefined && { 'x-should-retry': String(shouldRetry) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  };
}
