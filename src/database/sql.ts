import { brokenTextAt, internal } from '../core/index.ts';

/** What a column holds: texts, whole and broken numbers, nothing. Truth is 0 or 1. */
export type SqlValue = string | number | null;

/** A row, by the names of its columns. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** One statement with a `?` for each value. The text never holds a value. */
export interface SqlStatement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** Where it changes (or returns) no row, all statements that were written with it are undone. Default false. */
  readonly isRequired?: boolean;
}

/** What a statement did. */
export interface SqlResult {
  /** Rows that it changed; 0 for one that returns rows. */
  readonly changes: number;
  /** What it returned: rows of SELECT or RETURNING. */
  readonly rows: readonly SqlRow[];
}

/** A statement; undefined becomes NULL. */
export function sql(text: string, ...values: readonly (SqlValue | undefined)[]): SqlStatement {
  return { sql: text, values: values.map((value) => value ?? null) };
}

/** The same, without which nothing of what is written with it stays. */
export function requiredSql(text: string, ...values: readonly (SqlValue | undefined)[]): SqlStatement {
  return { ...sql(text, ...values), isRequired: true };
}

/** Stands before a text that is kept as JSON. */
const ESCAPED = '\u0001';

/**
 * A value as the file keeps it. libsql ends a text at its first NUL when it reads it, and turns half of a surrogate pair into U+FFFD: such texts are kept as JSON
 * behind U+0001, and so are those that begin with that. Equal texts stay equal and others differ, so ids of any kind can be looked up. Throws internal for what
 * SQLite would turn into something else (NaN becomes NULL, a boolean ends the process).
 */
export function storedValue(value: SqlValue): SqlValue {
  if (typeof value === 'string') return needsEscape(value) ? ESCAPED + JSON.stringify(value) : value;
  if (value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value;
  throw internal(`a database takes texts, finite numbers and null, got ${typeof value} ${String(value)}`);
}

function needsEscape(text: string): boolean {
  return text.startsWith(ESCAPED) || text.includes('\0') || brokenTextAt(text) !== undefined;
}

/** A value as it was before storedValue. */
export function givenValue(value: SqlValue): SqlValue {
  if (typeof value !== 'string' || !value.startsWith(ESCAPED)) return value;
  return JSON.parse(value.slice(ESCAPED.length)) as string;
}

export function storedStatement({ values, ...rest }: SqlStatement): SqlStatement {
  return { ...rest, values: values.map(storedValue) };
}

export function givenRow(row: SqlRow): SqlRow {
  const given: Record<string, SqlValue> = {};
  for (const name in row) given[name] = givenValue(row[name]!);
  return given;
}
