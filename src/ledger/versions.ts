import { z } from 'zod';
import { parseRows, requiredSql, sql, type Database, type SqlRow } from '../database/index.ts';
import type { AuditTrail } from './audit.ts';
import { nullable, present } from './columns.ts';
import type { Ledger } from './ledger.ts';
import type { VersionRecord } from './records.ts';

const ROW = z.object({
  id: z.string(),
  name: z.string(),
  digest: z.string(),
  kind: z.enum(['model', 'adapter', 'upstream']),
  parent: nullable(z.string()),
  job_id: nullable(z.string()),
  created_at: z.int(),
});
const ALIAS_ROW = z.object({ alias: z.string(), target: z.string() });

function parseVersions(rows: readonly SqlRow[]): VersionRecord[] {
  return parseRows(ROW, rows).map(({ job_id, created_at, ...row }) =>
    present({ ...row, jobId: job_id, createdAt: created_at }),
  );
}

export function createVersions(database: Database, audit: AuditTrail, now: () => number): Ledger['versions'] {
  return {
    async add({ id, name, digest, kind, parent, jobId, createdAt }) {
      await database.write([
        sql(
          `INSERT INTO versions (id, name, digest, kind, parent, job_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
          id,
          name,
          digest,
          kind,
          parent,
          jobId,
          createdAt,
        ),
      ]);
    },
    async get(id) {
      return parseVersions(await database.read(sql('SELECT * FROM versions WHERE id = ?', id)))[0];
    },
    async list() {
      return parseVersions(await database.read(sql('SELECT * FROM versions ORDER BY seq')));
    },
    async aliases() {
      const rows = parseRows(ALIAS_ROW, await database.read(sql('SELECT alias, target FROM aliases ORDER BY alias')));
      return Object.fromEntries(rows.map(({ alias, target }) => [alias, target]));
    },
    async setAlias(alias, target, actor) {
      if (target === undefined) {
        await audit.append({ actor, action: 'alias.remove', subject: alias }, [
          requiredSql('DELETE FROM aliases WHERE alias = ?', alias),
        ]);
        return;
      }
      await audit.append({ actor, action: 'alias.set', subject: alias, detail: { target } }, [
        sql(
          `INSERT INTO aliases (alias, target, since) VALUES (?, ?, ?) ON CONFLICT (alias) DO UPDATE SET target = excluded.target, since = excluded.since`,
          alias,
          target,
          now(),
        ),
      ]);
    },
  };
}
