import type { JsonObject } from '../../core/index.ts';
import type { SqlRow, SqlStatement } from '../../database/index.ts';

/** What a part of the live loop keeps in the store, and what becomes of it when a user is erased. */
export interface TableSet {
  /** SQL that makes the tables. They are STRICT; `seq` AUTOINCREMENT is the order of writing; what hangs on a row goes with it. */
  readonly script: string;
  /** Takes away what is kept of the user behind an HMAC, in the transaction of the erasure, before the user's inferences go. */
  erase(userHash: string, at: number): readonly SqlStatement[];
  /** Names (`name`) of jobs and versions that have learned from what is kept of the user; asked in the same transaction, before `erase`. */
  trained?(userHash: string): SqlStatement;
  /** What an access request is told beside inferences: statements, and the object that each row becomes (with a field `kind`). */
  readonly exports: readonly {
    read(userHash: string): SqlStatement;
    readonly toObject: (row: SqlRow) => JsonObject;
  }[];
  /** Statements `DELETE ... LIMIT ?` for what is older than a time: parameters are the time (ms) and how many rows a commit. */
  readonly sweeps: readonly string[];
}
