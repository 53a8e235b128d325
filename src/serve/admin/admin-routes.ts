import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { SCOPES, userHash, type KeyRecord, type Ledger } from '../../ledger/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { MODEL_NAME } from '../models/model-book.ts';
import { listOf, pageOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

const MAX_ADMIN_BYTES = 64 * 2 ** 10;

const KEY_BODY = z
  .strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(SCOPES)).min(1),
    expires_at: z.int().min(1).optional(),
    origins: z.array(z.url()).max(20).optional(),
  })
  .openapi('CreateKey');

const ALIAS_BODY = z.strictObject({ model: z.string().min(1).max(256) }).openapi('SetAlias');

/** Keys, aliases, users and the audit log, over HTTP: a store belongs to the server that has it, so the command line cannot reach it meanwhile. */
export function adminRoutes({ book, ledger }: ServeServices): RouteDefinition[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  const audit = (context: Context, action: string, subject: string): Promise<void> =>
    kept().audit.append({ actor: actorOf(context), action, subject });
  return [
    {
      method: 'get',
      path: '/v1/preftune/keys',
      policy: ['admin'],
      summary: 'The keys, without what makes them keys',
      handle: async (context) => context.json(listOf((await kept().keys.list()).map(keyObject), false)),
    },
    {
      method: 'post',
      path: '/v1/preftune/keys',
      policy: ['admin'],
      summary: 'Makes a key, which is shown in this answer alone',
      body: KEY_BODY,
      handle: async (context) => {
        const {
          expires_at: expiresAt,
          origins,
          ...body
        } = checkBody(KEY_BODY, await readBody(context, MAX_ADMIN_BYTES));
        const { key, record } = await kept().keys.create({
          ...body,
          actor: actorOf(context),
          ...(expiresAt !== undefined && { expiresAt: expiresAt * 1000 }),
          ...(origins !== undefined && { origins }),
        });
        return context.json({ ...keyObject(record), key });
      },
    },
    {
      method: 'delete',
      path: '/v1/preftune/keys/{id}',
      policy: ['admin'],
      summary: 'Revokes a key, from the next request on',
      handle: async (context) => {
        const id = context.req.param('id')!;
        if (!(await kept().keys.revoke(id, actorOf(context)))) throw missing('key', id);
        return context.json({ id, object: 'preftune.key', deleted: true });
      },
    },
    {
      method: 'put',
      path: '/v1/preftune/aliases/{id}',
      policy: ['admin'],
      summary: 'Points a name to a model, from the next request on; answers under way end where they began',
      body: ALIAS_BODY,
      handle: async (context) => {
        const alias = context.req.param('id')!;
        const { model } = checkBody(ALIAS_BODY, await readBody(context, MAX_ADMIN_BYTES));
        if (!MODEL_NAME.test(alias))
          throw new ServeError(400, 'A name must be letters, digits and . _ : / - inside', { param: 'id' });
        const listed = book.list();
        if (listed.some(({ name, target }) => name === alias && target === undefined))
          throw new ServeError(400, `${alias} is the name of a model; take another for an alias`, { param: 'id' });
        if (!listed.some(({ name, target }) => name === model && target === undefined))
          throw new ServeError(404, `The model ${JSON.stringify(model)} does not exist here`, {
            code: 'model_not_found',
            param: 'model',
          });
        await ledger?.versions.setAlias(alias, model, actorOf(context));
        book.setAlias(alias, model);
        return context.json({ id: alias, object: 'preftune.alias', model });
      },
    },
    {
      method: 'delete',
      path: '/v1/preftune/aliases/{id}',
      policy: ['admin'],
      summary: 'Takes an alias away',
      handle: async (context) => {
        const alias = context.req.param('id')!;
        if (!book.list().some(({ name, target }) => name === alias && target !== undefined))
          throw missing('alias', alias);
        await ledger?.versions.setAlias(alias, undefined, actorOf(context));
        book.setAlias(alias, undefined);
        return context.json({ id: alias, object: 'preftune.alias', deleted: true });
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/users/{id}/export',
      policy: ['admin'],
      summary: 'All that is kept of a user, a JSON object a line',
      answerType: 'application/jsonl',
      answer: z.string(),
      handle: async (context) => {
        const user = context.req.param('id')!;
        const lines: string[] = [];
        for await (const one of kept().users.export(user)) lines.push(`${JSON.stringify(one)}\n`);
        await audit(context, 'user.export', userHash(kept().folder, user));
        return context.body(lines.join(''), 200, { 'content-type': 'application/jsonl; charset=utf-8' });
      },
    },
    {
      method: 'delete',
      path: '/v1/preftune/users/{id}',
      policy: ['admin'],
      summary: 'Erases all that is kept of a user',
      handle: async (context) => {
        const { inferences, trainedOn } = await kept().users.erase(context.req.param('id')!, actorOf(context));
        return context.json({ object: 'preftune.erasure', inferences, trained_on: trainedOn });
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/audit',
      policy: ['admin'],
      summary: 'Who did what: keys, aliases, adapters, erasures',
      handle: async (context) => {
        const { items, hasMore } = await kept().audit.list(pageOf(context.req.query()));
        return context.json(listOf(items, hasMore));
      },
    },
  ];
}

/** Who did it, for the audit log. */
function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}

/** Times as OpenAI has them: seconds. */
function keyObject({ id, name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt, origins }: KeyRecord): object {
  return {
    id,
    object: 'preftune.key',
    name,
    scopes,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
    revoked_at: seconds(revokedAt),
    last_used_at: seconds(lastUsedAt),
    origins: origins ?? null,
  };
}

function seconds(time: number | undefined): number | null {
  return time === undefined ? null : Math.floor(time / 1000);
}

function missing(what: string, id: string): ServeError {
  return new ServeError(404, `There is no ${what} ${JSON.stringify(id.slice(0, 100))} here`, {
    code: 'not_found',
    param: 'id',
  });
}
