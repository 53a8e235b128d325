import type { JsonObject, JsonValue } from '../core/index.ts';
import type { Database, SqlResult, SqlStatement } from '../database/index.ts';
import type { AuditEntry } from './records.ts';

/** What rooms with tables of their own in the store (feedback, labelling, experiments, loop) are given of it. */
export interface LedgerRoom {
  readonly database: Database;
  /** An entry of the audit log in the same transaction as the statements; undefined, and no entry, where a required one changed nothing. */
  audit(entry: AuditEntry, statements?: readonly SqlStatement[]): Promise<readonly SqlResult[] | undefined>;
  /** HMAC of a user's name. */
  hashUser(user: string): string;
  /** A text as it may be written: personal data masked, where the store masks. */
  cleanText(text: string): string;
  cleanJson(value: JsonObject): JsonObject;
  /** Answers what commands ask of this room while this process has the store (`askHolder` with `do: 'room'`). */
  onRequest(room: string, answer: (request: JsonValue) => Promise<JsonValue>): void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
