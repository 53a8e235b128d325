import { z } from 'zod';
import { deletedSchema, listSchema, pageQuery } from './pages.ts';
import type { Route } from './route.ts';
import { SCOPES } from './scopes.ts';

const MAX_ADMIN_BYTES = 64 * 2 ** 10;

const KEY_BODY = z
  .strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(SCOPES)).min(1),
    expires_at: z.int().min(1).optional(),
    origins: z.array(z.url()).max(20).optional(),
  })
  .meta({ id: 'CreateKey' });

/** A key without what makes it one. Times are seconds since 1970. */
const KEY_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('preftune.key'),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    created_at: z.int(),
    expires_at: z.int().nullable(),
    revoked_at: z.int().nullable(),
    last_used_at: z.int().nullable(),
    origins: z.array(z.string()).nullable(),
  })
  .meta({ id: 'Key' });

const ALIAS_BODY = z.strictObject({ model: z.string().min(1).max(256) }).meta({ id: 'SetAlias' });

/** One act, with the hash of the one before. `at` is in milliseconds since 1970. */
const AUDIT_ENTRY = z
  .object({
    id: z.string(),
    at: z.int(),
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    detail: z.record(z.string(), z.unknown()).optional(),
    previous: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditEntry' });

/** Keys, aliases, users and the audit log. */
export const ADMIN_ROUTES = {
  listKeys: {
    method: 'get',
    path: '/v1/preftune/keys',
    policy: ['admin'],
    summary: 'The keys, without what makes them keys',
    answer: listSchema(KEY_OBJECT),
  },
  createKey: {
    method: 'post',
    path: '/v1/preftune/keys',
    policy: ['admin'],
    summary: 'Makes a key, which is shown in this answer alone',
    body: KEY_BODY,
    maxBodyBytes: MAX_ADMIN_BYTES,
    answer: KEY_OBJECT.extend({ key: z.string() }).meta({ id: 'NewKey' }),
  },
  revokeKey: {
    method: 'delete',
    path: '/v1/preftune/keys/{id}',
    policy: ['admin'],
    summary: 'Revokes a key, from the next request on',
    answer: deletedSchema('preftune.key'),
  },
  setAlias: {
    method: 'put',
    path: '/v1/preftune/aliases/{id}',
    policy: ['admin'],
    summary: 'Points a name to a model, from the next request on; answers under way end where they began',
    body: ALIAS_BODY,
    maxBodyBytes: MAX_ADMIN_BYTES,
    answer: z.object({ id: z.string(), object: z.literal('preftune.alias'), model: z.string() }),
  },
  removeAlias: {
    method: 'delete',
    path: '/v1/preftune/aliases/{id}',
    policy: ['admin'],
    summary: 'Takes an alias away',
    answer: deletedSchema('preftune.alias'),
  },
  exportUser: {
    method: 'get',
    path: '/v1/preftune/users/{id}/export',
    policy: ['admin'],
    summary: 'All that is kept of a user, a JSON object a line',
    answerType: 'application/jsonl',
    answer: z.string(),
  },
  eraseUser: {
    method: 'delete',
    path: '/v1/preftune/users/{id}',
    policy: ['admin'],
    summary: 'Erases all that is kept of a user',
    answer: z.object({ object: z.literal('preftune.erasure'), inferences: z.int(), trained_on: z.unknown() }),
  },
  audit: {
    method: 'get',
    path: '/v1/preftune/audit',
    policy: ['admin'],
    summary: 'Who did what: keys, aliases, adapters, erasures',
    query: pageQuery(),
    answer: listSchema(AUDIT_ENTRY),
  },
} as const satisfies Record<string, Route>;
