import type { z } from 'zod';
import type { Context } from 'hono';
import { SESSION_ROUTES, type Scope } from '../../api/index.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { handled, type HandledRoute } from './handled.ts';
import { OPEN_KEY, OWNER_KEY, sessionCookie, type NewSession, type Session } from './session.ts';

const DAY_MS = 86_400_000;
const USED = 'The link was used already, or is too old; ask for a new one';

/** Rights of the one who starts a server. */
export const OWNER_RIGHTS: { readonly keyId: string; readonly scopes: readonly Scope[] } = {
  keyId: OWNER_KEY,
  scopes: ['admin'],
};

type SessionObject = z.output<typeof SESSION_ROUTES.session.answer>;

/** Signing in to the page, and out again. */
export function sessionRoutes({ access }: ServeServices): HandledRoute[] {
  const { sessions, needsKey, findKey } = access;
  const objectOf = (session: Session | undefined): SessionObject => ({
    object: 'preftune.session',
    needs_sign_in: needsKey(),
    is_signed_in: session !== undefined,
    scopes: session === undefined ? (needsKey() ? [] : ['admin']) : [...session.scopes],
    annotator: session?.annotator === undefined ? null : { name: session.annotator.name },
    expires_at: session === undefined ? null : Math.floor(session.expiresAt / 1000),
  });
  const answerWith = (context: Context, session: Session | undefined, token?: string): SessionObject => {
    if (token !== undefined) context.header('set-cookie', sessionCookie(context, token));
    context.header('cache-control', 'no-store');
    return objectOf(session);
  };
  const begin = async (given: string | undefined, link: string | undefined): Promise<NewSession> => {
    if (link !== undefined) {
      const made = await sessions.redeem(link);
      if (made !== undefined) return made;
      throw new ServeError(401, USED, { code: 'invalid_link' });
    }
    const record = findKey(given!);
    if (record === undefined)
      throw new ServeError(401, 'The key is unknown, expired or revoked', { code: 'invalid_api_key', param: 'key' });
    if (record.origins !== undefined)
      throw new ServeError(403, 'A key that pages of other origins hold signs nobody in', { param: 'key' });
    return sessions.begin({ keyId: record.id, scopes: record.scopes });
  };
  return [
    handled(SESSION_ROUTES.login, async ({ context, params }) => {
      const purpose = context.req.header('sec-purpose') ?? context.req.header('purpose') ?? '';
      // Whoever looks ahead (browsers, previews of messages) must not use the link up.
      if (context.req.method === 'HEAD' || /prefetch|preview/i.test(purpose)) return context.body(null, 204);
      const made = await sessions.redeem(params.token);
      if (made === undefined) throw new ServeError(401, USED, { code: 'invalid_link' });
      context.header('set-cookie', sessionCookie(context, made.token));
      context.header('cache-control', 'no-store');
      return context.redirect('/ui/');
    }),
    handled(SESSION_ROUTES.session, ({ context }) => answerWith(context, context.get('caller').session)),
    handled(SESSION_ROUTES.signIn, async ({ context, body: { key, link, name } }) => {
      const { token, session } = await begin(key, link);
      return answerWith(context, name === undefined ? session : await sessions.setAnnotator(session, name), token);
    }),
    handled(SESSION_ROUTES.nameSession, async ({ context, body: { name } }) => {
      const { session } = context.get('caller');
      if (session !== undefined) return answerWith(context, await sessions.setAnnotator(session, name));
      if (needsKey()) throw new ServeError(400, 'A name is given to a session; sign in first', { code: 'no_session' });
      const made = await sessions.begin({ keyId: OPEN_KEY, scopes: ['admin'] });
      return answerWith(context, await sessions.setAnnotator(made.session, name), made.token);
    }),
    handled(SESSION_ROUTES.signOut, async ({ context }) => {
      const { session } = context.get('caller');
      if (session !== undefined) await sessions.end(session);
      context.header('set-cookie', sessionCookie(context, undefined));
      return answerWith(context, undefined);
    }),
    handled(SESSION_ROUTES.invite, async ({ context, body: { scopes, days } }) => {
      const { keyId } = context.get('caller');
      const forMs = days * DAY_MS;
      const token = await sessions.invite({ keyId: keyId ?? (needsKey() ? OWNER_KEY : OPEN_KEY), scopes, forMs });
      return {
        object: 'preftune.link' as const,
        path: `/login/${token}`,
        scopes,
        expires_at: Math.floor((Date.now() + forMs) / 1000),
      };
    }),
  ];
}
