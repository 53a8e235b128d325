import { timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { RoutePolicy } from '../../api/index.ts';
import type { KeyRecord } from '../../ledger/index.ts';
import { ServeError } from '../serve-error.ts';
import { sessionToken, type Session } from './session.ts';

/** Every route with its policy, by `METHOD /path` as the router spells it. What is not in it is denied. */
export class RoutePolicies {
  private readonly policies = new Map<string, RoutePolicy>();

  declare(method: string, path: string, policy: RoutePolicy): void {
    this.policies.set(`${method.toUpperCase()} ${path}`, policy);
  }

  of(method: string, path: string): RoutePolicy | undefined {
    return this.policies.get(`${method.toUpperCase()} ${path}`);
  }

  get all(): ReadonlyMap<string, RoutePolicy> {
    return this.policies;
  }
}

/** Who asks. */
export interface Caller {
  /** Of the key that was used; undefined where none is needed. */
  readonly keyId: string | undefined;
  readonly isAdmin: boolean;
  /** The key is bound to origins: a page has it, and whoever reads the page. */
  readonly isPageKey?: boolean;
  /** Of the page, where the caller is signed in and gave no key. */
  readonly session?: Session | undefined;
}

export interface GuardOptions {
  readonly policies: RoutePolicies;
  /** `keys`: a key is needed where there is one; `upstream`: what stands in front has asked already. */
  readonly auth: 'keys' | 'upstream';
  /** A key that is there and may be used. */
  readonly findKey: (key: string) => KeyRecord | undefined;
  /** The session that goes on under a token. */
  readonly findSession: (token: string) => Session | undefined;
  /** Whether any key is there. */
  readonly hasKeys: () => boolean;
  /** Names by which the server may be called, without port; undefined: any. */
  readonly allowedHosts: ReadonlySet<string> | undefined;
  /** Origins of pages in browsers that may call it, beside its own. */
  readonly allowedOrigins: ReadonlySet<string>;
}

declare module 'hono' {
  interface ContextVariableMap {
    caller: Caller;
    requestId: string;
  }
}

/**
 * Stands in front of every route and denies what is not declared: a wrong Host (a page of somebody else whose name was pointed here), a foreign Origin, a key that is
 * missing, unknown, or of another scope, a path that no route has.
 */
export function createGuard({
  policies,
  auth,
  findKey,
  findSession,
  hasKeys,
  allowedHosts,
  allowedOrigins,
}: GuardOptions): MiddlewareHandler {
  return async (context, next) => {
    checkHost(context, allowedHosts);
    const key = keyOf(context);
    const record = key === undefined ? undefined : findKey(key);
    const policy = policyOf(context, policies);
    // A link that leads here from elsewhere may be followed: what is public holds nothing.
    if (policy !== 'public' || context.req.header('sec-fetch-mode') !== 'navigate')
      checkOrigin(context, { allowedOrigins, record });
    // Preflights carry no key; what they may ask is decided by the origin.
    if (context.req.method === 'OPTIONS') return next();
    const token = key === undefined ? sessionToken(context) : undefined;
    const session = token === undefined ? undefined : findSession(token);
    if (policy === 'public') {
      context.set('caller', { keyId: undefined, isAdmin: false, session });
      return next();
    }
    if (session !== undefined) requireOwnPage(context);
    const needsKey = auth === 'keys' && hasKeys();
    const holder = record ?? session;
    if (needsKey && holder === undefined)
      throw new ServeError(401, key === undefined ? MISSING : 'The key is unknown, expired or revoked', {
        code: 'invalid_api_key',
      });
    if (policy === undefined)
      throw new ServeError(404, `There is no ${context.req.method} ${context.req.path.slice(0, 200)} here`, {
        code: 'unknown_url',
      });
    // Where no key is asked for, a session still has its own rights: who labels sees no more than that.
    const scopes = needsKey || session !== undefined ? holder!.scopes : undefined;
    const isAdmin = scopes === undefined || scopes.includes('admin');
    if (!isAdmin && !policy.some((scope) => scopes.includes(scope)))
      throw new ServeError(
        403,
        `The ${session === undefined ? 'key' : 'session'} lacks the scope ${policy.join(' or ')}`,
        {
          code: 'insufficient_scope',
        },
      );
    context.set('caller', {
      keyId: record?.id ?? session?.keyId,
      isAdmin,
      isPageKey: record?.origins !== undefined,
      session,
    });
    return next();
  };
}

/** A session is a cookie, which browsers send for whoever asks: so it counts from the server's own page alone. */
function requireOwnPage(context: Context): void {
  const site = context.req.header('sec-fetch-site');
  const origin = context.req.header('origin');
  const isRead = context.req.method === 'GET' || context.req.method === 'HEAD';
  const isOwn = origin === undefined ? site === 'same-origin' : isOwnOrigin(context, origin);
  const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (!isForeign && (isOwn || (isRead && origin === undefined))) return;
  throw new ServeError(403, "A session is for the server's own page; programs use a key", { code: 'csrf' });
}

const MISSING = 'A key must be given (Authorization: Bearer KEY), or a session of the page; sign in again';

/** The key of `Authorization: Bearer` or, as Azure's clients send it, `api-key`. */
function keyOf(context: Context): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1];
  return bearer ?? context.req.header('api-key');
}

function checkHost(context: Context, allowed: ReadonlySet<string> | undefined): void {
  if (allowed === undefined) return;
  const host = hostName(context.req.header('host') ?? '');
  if (!allowed.has(host))
    throw new ServeError(403, 'The server may not be called by this name; --allowed-hosts names more', {
      code: 'host_not_allowed',
    });
}

/** Without port, in lower case: `[::1]:8000` is `[::1]`. */
export function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
}

function checkOrigin(
  context: Context,
  { allowedOrigins, record }: { readonly allowedOrigins: ReadonlySet<string>; readonly record: KeyRecord | undefined },
): void {
  const origin = context.req.header('origin');
  const site = context.req.header('sec-fetch-site');
  if (origin === undefined) {
    // A page of another site that asks without an origin: an image, a form, a link.
    if (site === 'cross-site')
      throw new ServeError(403, 'Pages of other sites may not call this server', { code: 'origin_not_allowed' });
    return;
  }
  if (isOwnOrigin(context, origin) || allowedOrigins.has(origin) || record?.origins?.includes(origin) === true) return;
  throw new ServeError(403, 'Pages of this origin may not call this server; --cors-origins names those that may', {
    code: 'origin_not_allowed',
  });
}

function isOwnOrigin(context: Context, origin: string): boolean {
  const own = context.req.header('host');
  return own !== undefined && (origin === `http://${own}` || origin === `https://${own}`);
}

/** The policy of the route that will answer; undefined where none will. */
function policyOf(context: Context, policies: RoutePolicies): RoutePolicy | undefined {
  for (const { method, path } of matchedRoutes(context).toReversed()) {
    const policy = policies.of(method === 'ALL' ? context.req.method : method, path);
    if (policy !== undefined) return policy;
  }
  return undefined;
}

/** Whether two texts are equal, in a time that does not depend on where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
