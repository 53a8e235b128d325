import { z } from 'zod';
import type { Route } from './route.ts';
import { SCOPES } from './scopes.ts';

const MAX_BYTES = 16 * 2 ** 10;

const NAME = z.string().trim().min(1).max(100);
const BEGIN = z
  .strictObject({
    key: z.string().min(1).max(500).optional(),
    link: z.string().min(1).max(100).optional().describe('the token of a link that signs in once'),
    name: NAME.optional(),
  })
  .refine(({ key, link }) => (key === undefined) !== (link === undefined), {
    path: ['key'],
    message: 'must be given, or a link instead of it',
  })
  .meta({ id: 'SignIn' });

/** Who uses the page, and what they may do (admin: everything). Times are seconds since 1970. */
const SESSION = z
  .object({
    object: z.literal('preftune.session'),
    needs_sign_in: z.boolean().describe('whether the other routes need a key or a session'),
    is_signed_in: z.boolean(),
    scopes: z.array(z.enum(SCOPES)),
    annotator: z.object({ name: z.string() }).nullable(),
    expires_at: z.int().nullable(),
  })
  .meta({ id: 'Session' });

const INVITE = z
  .strictObject({ scopes: z.array(z.enum(SCOPES)).min(1), days: z.number().positive().max(30).default(1) })
  .meta({ id: 'Invite' });
const LINK = z
  .object({
    object: z.literal('preftune.link'),
    path: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    expires_at: z.int(),
  })
  .meta({ id: 'Link' });

/** Signing in to the page: by a link that works once, or by a key; who signed in; and out again. */
export const SESSION_ROUTES = {
  login: {
    method: 'get',
    path: '/login/{token}',
    policy: 'public',
    summary: 'Signs in by a link that works once, and leads to the page',
    answerType: 'text/html',
    answer: z.string(),
  },
  session: {
    method: 'get',
    path: '/v1/preftune/session',
    policy: 'public',
    summary: 'Whether somebody is signed in, and what the page may do',
    answer: SESSION,
  },
  signIn: {
    method: 'post',
    path: '/v1/preftune/session',
    policy: 'public',
    summary: 'Signs in by a key or by a link that works once; the answer sets the cookie',
    body: BEGIN,
    maxBodyBytes: MAX_BYTES,
    answer: SESSION,
  },
  nameSession: {
    method: 'put',
    path: '/v1/preftune/session',
    policy: SCOPES,
    summary: 'The name of who labels, for the rest of the session',
    body: z.strictObject({ name: NAME }).meta({ id: 'NameSession' }),
    maxBodyBytes: MAX_BYTES,
    answer: SESSION,
  },
  signOut: {
    method: 'delete',
    path: '/v1/preftune/session',
    policy: SCOPES,
    summary: 'Signs out',
    answer: SESSION,
  },
  invite: {
    method: 'post',
    path: '/v1/preftune/links',
    policy: ['admin'],
    summary: 'A link that signs somebody in once, with some of the rights: for people who label',
    body: INVITE,
    maxBodyBytes: MAX_BYTES,
    answer: LINK,
  },
} as const satisfies Record<string, Route>;
