import type { JsonObject } from '../core/index.ts';
import { sql, type Database } from '../database/index.ts';
import { OWNER, type AuditTrail } from './audit.ts';
import { parseInferences, SELECT_INFERENCES } from './inferences.ts';
import type { Erasure, Ledger } from './ledger.ts';
import { pageStatement } from './paging.ts';
import type { StoreSecret } from './secret.ts';
import { TABLE_SETS } from './tables/all.ts';

const PAGE = 100;

export interface UserContext {
  readonly database: Database;
  readonly audit: AuditTrail;
  readonly secret: StoreSecret;
  readonly now: () => number;
}

export interface UserBook {
  readonly users: Ledger['users'];
  /** Erases whom an HMAC stands for. */
  eraseHash(hash: string): Promise<Erasure>;
}

export function createUsers({ database, audit, secret, now }: UserContext): UserBook {
  const users: Ledger['users'] = {
    async *export(user) {
      const hash = secret.hashUser(user);
      const [erased] = await database.read(sql('SELECT erased_at FROM erased_users WHERE user_hash = ?', hash));
      if (erased !== undefined) yield { kind: 'erasure', at: Number(erased.erased_at) };
      let behind = 0;
      for (;;) {
        const rows = await database.read(pageStatement(ofUser(hash), { limit: PAGE, order: 'asc' }, behind));
        for (const inference of parseInferences(rows))
          yield { kind: 'inference', ...inference } as unknown as JsonObject;
        if (rows.length <= PAGE) break;
        behind = Number(rows.at(-1)!.seq);
      }
      for (const { read, toObject } of TABLE_SETS.flatMap((tables) => tables.exports))
        for (const row of await database.read(read(hash))) yield toObject(row);
    },
    erase: (user, actor) => eraseHash(secret.hashUser(user), actor),
  };

  async function eraseHash(hash: string, actor = OWNER): Promise<Erasure> {
    const at = now();
    const trained = TABLE_SETS.flatMap((tables) => tables.trained?.(hash) ?? []);
    const elsewhere = TABLE_SETS.flatMap((tables) => tables.erase(hash, at));
    const results = await audit.append({ actor, action: 'user.erase', subject: hash }, [
      ...trained,
      ...elsewhere,
      sql(
        `INSERT OR IGNORE INTO removed (kind, id, seq, removed_at) SELECT 'inferences', id, seq, ? FROM inferences WHERE user_hash = ?`,
        at,
        hash,
      ),
      sql('DELETE FROM inferences WHERE user_hash = ?', hash),
      sql(
        'INSERT INTO erased_users (user_hash, erased_at) VALUES (?, ?) ON CONFLICT (user_hash) DO UPDATE SET erased_at = max(erased_at, excluded.erased_at)',
        hash,
        at,
      ),
    ]);
    await database.checkpoint();
    const names = results!.slice(0, trained.length).flatMap(({ rows }) => rows.map(({ name }) => String(name)));
    return {
      inferences: results![trained.length + elsewhere.length + 1]!.changes,
      trainedOn: [...new Set(names)].toSorted(),
    };
  }

  return { users, eraseHash };
}

export function ofUser(hash: string) {
  return {
    table: 'inferences',
    select: SELECT_INFERENCES,
    seq: 'inferences.seq',
    where: ['inferences.user_hash = ?'],
    values: [hash],
  };
}
