import { createHash } from 'node:crypto';
import { z } from 'zod';
import { badInput, canonicalJson, shownValue, type JsonValue } from '../core/index.ts';
import { parseRows, sql, type Database, type SqlResult, type SqlStatement } from '../database/index.ts';
import { jsonText, nullable, objectColumn, present } from './columns.ts';
import type { Ledger } from './ledger.ts';
import type { AuditEntry, AuditRecord } from './records.ts';
import { pageStatement } from './paging.ts';

/** The audit log, and what others write into it together with their own rows. */
/** Who acts by the commands: whoever may write the store's folder. */
export const OWNER = 'owner';

export interface AuditTrail {
  readonly log: Ledger['audit'];
  /** An entry in the same transaction as the statements; undefined, and no entry, where a required one changed nothing. */
  append(entry: AuditEntry, statements?: readonly SqlStatement[]): Promise<readonly SqlResult[] | undefined>;
}

const ROW = z.object({
  seq: z.int(),
  at: z.int(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: nullable(objectColumn),
  previous: z.string(),
  hash: z.string(),
});
type Row = z.output<typeof ROW>;

const QUERY = { table: 'audit', select: 'SELECT * FROM audit', seq: 'seq' };
const BEFORE_THE_FIRST = '0'.repeat(64);
const PAGE = 500;

/** SHA-256 of the entry as canonical JSON, the hash of the one before within it. */
function hashOf(entry: Omit<Row, 'hash'>): string {
  return createHash('sha256')
    .update(canonicalJson(present({ ...entry, hash: undefined }) as JsonValue))
    .digest('hex');
}

export function createAudit(database: Database, now: () => number): AuditTrail {
  let last: { readonly seq: number; readonly hash: string } | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const readLast = async (): Promise<{ readonly seq: number; readonly hash: string }> => {
    const [row] = parseRows(ROW, await database.read(sql('SELECT * FROM audit ORDER BY seq DESC LIMIT 1')));
    // A number that was given is known even where its entry was taken away: the chain shows the gap.
    const [given] = await database.read(sql("SELECT seq FROM sqlite_sequence WHERE name = 'audit'"));
    return { seq: Number(given?.seq ?? 0), hash: row?.hash ?? BEFORE_THE_FIRST };
  };

  const write = async (entry: AuditEntry, statements: readonly SqlStatement[]) => {
    last ??= await readLast();
    const { actor, action, subject, detail } = entry;
    const row = { seq: last.seq + 1, at: now(), actor, action, subject, detail, previous: last.hash };
    const hash = hashOf(row);
    try {
      const results = await database.write([
        ...statements,
        sql(
          'INSERT INTO audit (seq, at, actor, action, subject, detail, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          row.seq,
          row.at,
          actor,
          action,
          subject,
          jsonText(detail),
          row.previous,
          hash,
        ),
      ]);
      if (results !== undefined) last = { seq: row.seq, hash };
      return results;
    } catch (error) {
      last = undefined;
      throw error;
    }
  };

  /** One after the other: each needs the hash of the one before. */
  const append: AuditTrail['append'] = (entry, statements = []) => {
    const mine = queue.then(() => write(entry, statements));
    queue = mine.catch(() => undefined);
    return mine;
  };

  return {
    append,
    log: {
      append: async (entry) => void (await append(entry)),
      async list(page) {
        const behind = page.after === undefined ? undefined : placeOf(page.after);
        const rows = parseRows(ROW, await database.read(pageStatement(QUERY, page, behind)));
        return { items: rows.slice(0, page.limit).map(shown), hasMore: rows.length > page.limit };
      },
      verify: () => verify(database),
    },
  };
}

function shown({ seq, ...entry }: Row): AuditRecord {
  return { id: `audit-${seq}`, ...present(entry) };
}

function placeOf(id: string): number {
  const digits = /^audit-(\d{1,15})$/.exec(id)?.[1];
  if (digits !== undefined) return Number(digits);
  throw badInput({ path: 'after', message: `after: must be the id of an entry (audit-1), got ${shownValue(id)}` });
}

/** Entries are numbered without a gap, each holds the hash of the one before, and its own; the last number that was given is there. */
async function verify(database: Database): Promise<{ readonly entries: number; readonly brokenAt?: number }> {
  let at = 0;
  let previous = BEFORE_THE_FIRST;
  for (;;) {
    const rows = parseRows(
      ROW,
      await database.read(sql('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', at, PAGE)),
    );
    for (const row of rows) {
      if (row.seq !== at + 1 || row.previous !== previous || row.hash !== hashOf(row))
        return { entries: at, brokenAt: at + 1 };
      at = row.seq;
      previous = row.hash;
    }
    if (rows.length < PAGE) break;
  }
  const [given] = await database.read(sql("SELECT seq FROM sqlite_sequence WHERE name = 'audit'"));
  return Number(given?.seq ?? 0) > at ? { entries: at, brokenAt: at + 1 } : { entries: at };
}
