import { badInput, shownValue } from '../core/index.ts';
import { sql, type Database, type SqlRow, type SqlStatement, type SqlValue } from '../database/index.ts';
import type { Page, PageRequest } from './records.ts';

/** A list in a table with `seq` and `id`. */
export interface ListQuery {
  readonly table: string;
  /** What is selected and from where, with `seq` qualified: `SELECT * FROM files`. */
  readonly select: string;
  /** The column that orders: `files.seq`. */
  readonly seq: string;
  /** Conditions that an index serves, without values in them. */
  readonly where?: readonly string[];
  readonly values?: readonly SqlValue[];
}

/** The statement of a page that begins behind `seq`; one row more than the page has. */
export function pageStatement(
  { select, seq, where = [], values = [] }: ListQuery,
  { limit, order }: PageRequest,
  behind?: number,
): SqlStatement {
  const isForward = order === 'asc';
  const place = behind === undefined ? [] : [`${seq} ${isForward ? '>' : '<'} ?`];
  const conditions = [...where, ...place];
  return sql(
    `${select}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`} ORDER BY ${seq} ${isForward ? 'ASC' : 'DESC'} LIMIT ?`,
    ...values,
    ...(behind === undefined ? [] : [behind]),
    limit + 1,
  );
}

/**
 * A page in the order of writing. What is added or removed meanwhile moves no page: an item behind which a list goes on may be gone. Throws bad-input for an `after`
 * that never was in the table.
 */
export async function readPage<T>(
  database: Database,
  query: ListQuery,
  page: PageRequest,
  parse: (rows: readonly SqlRow[]) => readonly T[],
): Promise<Page<T>> {
  if (!Number.isSafeInteger(page.limit) || page.limit < 1)
    throw badInput({ path: 'limit', message: `limit: must be a whole number from 1, got ${shownValue(page.limit)}` });
  const behind = page.after === undefined ? undefined : await placeOf(database, query.table, page.after);
  const rows = await database.read(pageStatement(query, page, behind));
  return { items: parse(rows.slice(0, page.limit)), hasMore: rows.length > page.limit };
}

async function placeOf(database: Database, table: string, id: string): Promise<number> {
  const [there, gone] = await database.readAll([
    sql(`SELECT seq FROM ${table} WHERE id = ?`, id),
    sql('SELECT seq FROM removed WHERE kind = ? AND id = ?', table, id),
  ]);
  const seq = there![0]?.seq ?? gone![0]?.seq;
  if (typeof seq === 'number') return seq;
  throw badInput({ path: 'after', message: `after: must be the id of an item of this list, got ${shownValue(id)}` });
}

/** Deletes a row and remembers its place. */
export function removal(table: string, id: string, now: number): readonly SqlStatement[] {
  return [
    {
      ...sql(
        `INSERT OR IGNORE INTO removed (kind, id, seq, removed_at) SELECT ?, id, seq, ? FROM ${table} WHERE id = ?`,
        table,
        now,
        id,
      ),
      isRequired: true,
    },
    sql(`DELETE FROM ${table} WHERE id = ?`, id),
  ];
}
