export { redactJson, redactText } from './redact.ts';
export { restoreBackup } from './backup.ts';
export { askHolder, isHeld, type StoreRequest } from './inbox.ts';
export { makeKey, type KeyWish } from './keys.ts';
export { openLedger } from './open-ledger.ts';
export { userHash } from './secret.ts';
export { sweepHourly } from './sweep.ts';
export { hourly } from './hourly.ts';
export type { LedgerRoom } from './room.ts';
export { readPage, type ListQuery } from './paging.ts';
export type { Erasure, Ledger, LedgerOptions, Retention } from './ledger.ts';
export {
  SCOPES,
  type FileRecord,
  type Inference,
  type InferenceEnd,
  type InferenceStart,
  type JobCheckpoint,
  type JobEvent,
  type JobRecord,
  type JobStatus,
  type KeyRecord,
  type LogLevel,
  type Page,
  type PageRequest,
  type Scope,
  type StoreCheck,
  type VersionRecord,
} from './records.ts';
