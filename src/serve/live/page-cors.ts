import type { MiddlewareHandler } from 'hono';

/** Where pages with a key of their own may send to, and nowhere else. */
export const FEEDBACK_PATHS = ['/feedback', '/v1/preftune/feedback'] as const;

/** For how long a browser remembers what it was told: a key that is revoked is refused in any case. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages whose origin a feedback key names send feedback: exactly these origins, POST alone, without cookies. Whether the key that comes then is one of the origin's is
 * the guard's to say.
 */
export function pageCors(origins: () => Promise<ReadonlySet<string>>): MiddlewareHandler {
  return async (context, next) => {
    const origin = context.req.header('origin');
    const asked = context.req.header('access-control-request-method');
    const isPreflight = context.req.method === 'OPTIONS' && asked !== undefined;
    if (origin === undefined || !(context.req.method === 'POST' || isPreflight)) return next();
    if (!(await origins()).has(origin)) return next();
    if (isPreflight) {
      if (asked !== 'POST') return next();
      return new Response(null, {
        status: 204,
        headers: {
          'access-control-allow-origin': origin,
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'authorization, content-type, idempotency-key',
          'access-control-max-age': String(PREFLIGHT_SECONDS),
          vary: 'origin',
        },
      });
    }
    await next();
    const { headers } = context.res;
    headers.set('access-control-allow-origin', origin);
    headers.set('access-control-expose-headers', 'x-request-id, retry-after, retry-after-ms');
    headers.append('vary', 'origin');
  };
}
