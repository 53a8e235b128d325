import type { DatabaseKind } from './migration.ts';
import type { SqlResult, SqlRow, SqlStatement } from './sql.ts';

/** What the host asks of the thread that has the connection. */
export type DatabaseRequest =
  | { readonly type: 'open'; readonly path: string; readonly kind: DatabaseKind }
  | { readonly type: 'write'; readonly statements: readonly SqlStatement[] }
  | { readonly type: 'read'; readonly statements: readonly SqlStatement[] }
  /** All that the write-ahead log holds goes into the file, and the log is emptied. */
  | { readonly type: 'checkpoint' }
  | { readonly type: 'vacuum' }
  | { readonly type: 'check' }
  /** Empties the log and leaves the file as it is until `thaw`, so that it can be copied while the log takes what is written. */
  | { readonly type: 'freeze' }
  | { readonly type: 'thaw' }
  | { readonly type: 'close' };

export interface DatabaseReplies {
  readonly open: { readonly sqliteVersion: string };
  /** Null where a required statement changed nothing. */
  readonly write: readonly SqlResult[] | null;
  readonly read: readonly (readonly SqlRow[])[];
  readonly checkpoint: null;
  readonly vacuum: null;
  readonly check: readonly string[];
  readonly freeze: { readonly bytes: number };
  readonly thaw: null;
  readonly close: null;
}

/** An error as it crosses the threads. */
export interface DatabaseFault {
  readonly message: string;
  /** SQLite's code: SQLITE_FULL. */
  readonly code?: string | undefined;
  /** Ours, told as it stands. */
  readonly isOurs?: boolean | undefined;
}

export interface ToDatabase {
  readonly id: number;
  readonly request: DatabaseRequest;
}

export type FromDatabase =
  | { readonly id: number; readonly reply: DatabaseReplies[keyof DatabaseReplies] }
  | { readonly id: number; readonly fault: DatabaseFault };
