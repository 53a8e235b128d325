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
export type {
  AuditRecord,
  FileRecord,
  Inference,
  InferenceEnd,
  InferenceStart,
  JobCheckpoint,
  JobEvent,
  JobRecord,
  JobStatus,
  KeyRecord,
  LogLevel,
  Page,
  PageRequest,
  StoreCheck,
  VersionRecord,
} from './records.ts';
