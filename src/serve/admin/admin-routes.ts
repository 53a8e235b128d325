import type { Context } from 'hono';
import { ADMIN_ROUTES, type Answered } from '../../api/index.ts';
import { userHash, type KeyRecord, type Ledger } from '../../ledger/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { MODEL_NAME } from '../models/model-book.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

/** Keys, aliases, users and the audit log, over HTTP: a store belongs to the server that has it, so the command line cannot reach it meanwhile. */
export function adminRoutes({ book, ledger }: ServeServices): HandledRoute[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  const audit = (context: Context, action: string, subject: string): Promise<void> =>
    kept().audit.append({ actor: actorOf(context), action, subject });
  return [
    handled(ADMIN_ROUTES.listKeys, async () => listOf((await kept().keys.list()).map(keyObject), false)),
    handled(ADMIN_ROUTES.createKey, async ({ context, body: { expires_at: expiresAt, origins, ...body } }) => {
      const { key, record } = await kept().keys.create({
        ...body,
        actor: actorOf(context),
        ...(expiresAt !== undefined && { expiresAt: expiresAt * 1000 }),
        ...(origins !== undefined && { origins }),
      });
      return { ...keyObject(record), key };
    }),
    handled(ADMIN_ROUTES.revokeKey, async ({ context, params: { id } }) => {
      if (!(await kept().keys.revoke(id, actorOf(context)))) throw missing('key', id);
      return { id, object: 'preftune.key', deleted: true };
    }),
    handled(ADMIN_ROUTES.setAlias, async ({ context, params: { id: alias }, body: { model } }) => {
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
      return { id: alias, object: 'preftune.alias', model };
    }),
    handled(ADMIN_ROUTES.removeAlias, async ({ context, params: { id: alias } }) => {
      if (!book.list().some(({ name, target }) => name === alias && target !== undefined))
        throw missing('alias', alias);
      await ledger?.versions.setAlias(alias, undefined, actorOf(context));
      book.setAlias(alias, undefined);
      return { id: alias, object: 'preftune.alias', deleted: true };
    }),
    handled(ADMIN_ROUTES.exportUser, async ({ context, params: { id: user } }) => {
      const lines: string[] = [];
      for await (const one of kept().users.export(user)) lines.push(`${JSON.stringify(one)}\n`);
      await audit(context, 'user.export', userHash(kept().folder, user));
      return context.body(lines.join(''), 200, { 'content-type': 'application/jsonl; charset=utf-8' });
    }),
    handled(ADMIN_ROUTES.eraseUser, async ({ context, params }) => {
      const { inferences, trainedOn } = await kept().users.erase(params.id, actorOf(context));
      return { object: 'preftune.erasure', inferences, trained_on: trainedOn };
    }),
    handled(ADMIN_ROUTES.audit, async ({ query }) => {
      const { items, hasMore } = await kept().audit.list(query);
      return listOf(items, hasMore);
    }),
  ];
}

/** Who did it, for the audit log. */
function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}

/** Times as OpenAI has them: seconds. */
function keyObject({
  id,
  name,
  scopes,
  createdAt,
  expiresAt,
  revokedAt,
  lastUsedAt,
  origins,
}: KeyRecord): Answered<typeof ADMIN_ROUTES.listKeys>['data'][number] {
  return {
    id,
    object: 'preftune.key',
    name,
    scopes,
    created_at: Math.floor(createdAt / 1000),
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
