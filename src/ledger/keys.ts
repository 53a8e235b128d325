import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { SCOPES, type Scope } from '../api/index.ts';
import { badInput, shownValue } from '../core/index.ts';
import { parseRows, requiredSql, sql, type Database } from '../database/index.ts';
import { OWNER, type AuditTrail } from './audit.ts';
import { jsonColumn, jsonText, nullable, present, textsColumn } from './columns.ts';
import type { Ledger } from './ledger.ts';
import type { KeyRecord } from './records.ts';

const ROW = z.object({
  id: z.string(),
  hash: z.string(),
  name: z.string(),
  scopes: jsonColumn<readonly Scope[]>(),
  created_at: z.int(),
  expires_at: nullable(z.int()),
  revoked_at: nullable(z.int()),
  last_used_at: nullable(z.int()),
  origins: nullable(textsColumn),
});

/** Secrets that stand in logs and source code are found by this. */
export const KEY_PREFIX = 'pt_live_';
const KEY_BYTES = 32;
/** How exact the time of the last use is on the disk. */
const LAST_USED_MS = 60_000;

interface Known {
  readonly hash: Buffer;
  record: KeyRecord;
}

export interface KeyRing {
  readonly keys: Ledger['keys'];
  /** Takes a key that was made elsewhere, by its hash in hexadecimal digits. */
  add(record: KeyRecord, hash: string): Promise<void>;
  /** Writes the times of last use that are newer than those on the disk. */
  flush(): Promise<void>;
}

export async function createKeys(database: Database, audit: AuditTrail, now: () => number): Promise<KeyRing> {
  /** By the hash in hexadecimal digits: who does not have the key cannot steer where a look-up goes. */
  const known = new Map<string, Known>();
  const touched = new Map<string, number>();
  for (const row of parseRows(ROW, await database.read(sql('SELECT * FROM keys ORDER BY seq')))) {
    known.set(row.hash, { hash: Buffer.from(row.hash, 'hex'), record: recordOf(row) });
  }
  const isUsable = ({ revokedAt, expiresAt }: KeyRecord): boolean =>
    revokedAt === undefined && (expiresAt === undefined || expiresAt > now());

  const add = async (record: KeyRecord, hash: string, actor = OWNER): Promise<void> => {
    const { id, name, scopes, createdAt, expiresAt, origins } = record;
    await audit.append({ actor, action: 'key.create', subject: id, detail: { name, scopes: [...scopes] } }, [
      sql(
        'INSERT INTO keys (id, hash, name, scopes, created_at, expires_at, origins) VALUES (?, ?, ?, ?, ?, ?, ?)',
        id,
        hash,
        name,
        JSON.stringify(scopes),
        createdAt,
        expiresAt,
        jsonText(origins),
      ),
    ]);
    known.set(hash, { hash: Buffer.from(hash, 'hex'), record });
  };

  const keys: Ledger['keys'] = {
    async create({ actor, ...wish }) {
      const { key, record, hash } = makeKey(wish, now());
      await add(record, hash, actor);
      return { key, record };
    },
    find(key) {
      const hash = hashOf(key);
      const found = known.get(hash.toString('hex'));
      if (found === undefined || !timingSafeEqual(found.hash, hash) || !isUsable(found.record)) return undefined;
      const at = now();
      if (at - (found.record.lastUsedAt ?? 0) >= LAST_USED_MS) touched.set(found.record.id, at);
      found.record = { ...found.record, lastUsedAt: at };
      return found.record;
    },
    get(id) {
      for (const { record } of known.values()) if (record.id === id && isUsable(record)) return record;
      return undefined;
    },
    list: async () => [...known.values()].map(({ record }) => record),
    async revoke(id, actor = OWNER) {
      const at = now();
      const results = await audit.append({ actor, action: 'key.revoke', subject: id }, [
        requiredSql('UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', at, id),
      ]);
      for (const entry of known.values())
        if (results !== undefined && entry.record.id === id) entry.record = { ...entry.record, revokedAt: at };
      return results !== undefined;
    },
    get hasAny() {
      return [...known.values()].some(({ record }) => isUsable(record));
    },
  };

  return {
    keys,
    add,
    async flush() {
      if (touched.size === 0) return;
      const times = [...touched];
      touched.clear();
      await database.write(times.map(([id, at]) => sql('UPDATE keys SET last_used_at = ? WHERE id = ?', at, id)));
    },
  };
}

/** What is said of a key that is to be made. */
export type KeyWish = Omit<Parameters<Ledger['keys']['create']>[0], 'actor'>;

/** A fresh key, what is known of it, and its hash, which alone is kept. Throws bad-input with all that is wrong with the wish. */
export function makeKey(
  { name, scopes, expiresAt, origins }: KeyWish,
  now: number,
): { readonly key: string; readonly record: KeyRecord; readonly hash: string } {
  requireRight(name, scopes, expiresAt, now);
  const key = `${KEY_PREFIX}${randomBytes(KEY_BYTES).toString('base64url')}`;
  const id = `key_${randomBytes(9).toString('hex')}`;
  const record = present({ id, name, scopes: [...new Set(scopes)], createdAt: now, expiresAt, origins });
  return { key, record, hash: hashOf(key).toString('hex') };
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function recordOf(row: z.output<typeof ROW>): KeyRecord {
  return present({
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    origins: row.origins,
  });
}

function requireRight(name: string, scopes: readonly Scope[], expiresAt: number | undefined, now: number): void {
  const problems = [];
  if (name.trim() === '' || name.length > 200)
    problems.push({ path: 'name', message: `name: must have 1 to 200 characters, got ${shownValue(name)}` });
  const unknown = scopes.filter((scope) => !SCOPES.includes(scope));
  if (scopes.length === 0 || unknown.length > 0)
    problems.push({
      path: 'scopes',
      message: `scopes: must be some of ${SCOPES.join(', ')}, got ${shownValue(unknown[0] ?? 'none')}`,
    });
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > now))
    problems.push({ path: 'expiresAt', message: `expiresAt: must lie in the future, got ${shownValue(expiresAt)}` });
  if (problems.length > 0) throw badInput(problems);
}
