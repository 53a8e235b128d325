import type { Scope } from '../api/index.ts';
import type { JsonObject } from '../core/index.ts';
import type { SqlStatement } from '../database/index.ts';
import type { LedgerRoom } from './room.ts';
import type {
  AuditRecord,
  FileRecord,
  Inference,
  InferenceEnd,
  InferenceStart,
  JobCheckpoint,
  JobEvent,
  JobRecord,
  KeyRecord,
  LogLevel,
  Page,
  PageRequest,
  StoreCheck,
  VersionRecord,
} from './records.ts';

/** Days for which what is kept stays, by kind; undefined: for good. */
export interface Retention {
  readonly textDays?: number | undefined;
  readonly metadataDays?: number | undefined;
  /** Feedback, votes and outcomes of experiments. */
  readonly feedbackDays?: number | undefined;
}

export interface LedgerOptions {
  /** Default metadata. */
  readonly log?: LogLevel | undefined;
  /** Default: texts 30 days, metadata and feedback 365. Where it is given, a kind without a number stays for good. */
  readonly retention?: Retention | undefined;
  /** Masks e-mail addresses, telephone and card numbers, keys and the like before texts are written. Default true. */
  readonly redacts?: boolean | undefined;
  /** Refuses a folder that holds no store, instead of making one. Default false. */
  readonly mustExist?: boolean | undefined;
  /** Milliseconds since 1970. Default Date.now. */
  readonly now?: (() => number) | undefined;
}

/** What an erasure came to. */
export interface Erasure {
  readonly inferences: number;
  /** Jobs and versions that were trained on rows of the user. They have learned from them: the next training begins without. */
  readonly trainedOn: readonly string[];
}

/**
 * What a server remembers, in one folder: `ledger.db` (SQLite), `files/`, `jobs/`. One process has it at a time. Every promise of a write resolves when the write is on the
 * disk (fsync); what was acknowledged survives kill -9 and power loss.
 */
export interface Ledger {
  readonly folder: string;
  readonly log: LogLevel;
  /** For rooms that keep tables of their own in the store. */
  readonly room: LedgerRoom;
  readonly inferences: {
    /** Before the first byte of the answer, `beside` in the same transaction. Resolves at once where the level is off. */
    begin(start: InferenceStart, beside?: readonly SqlStatement[]): Promise<void>;
    finish(id: string, end: InferenceEnd): Promise<void>;
    /** Both in one transaction, for an answer that leaves as a whole: until then no client knows its id. */
    record(start: InferenceStart, end: InferenceEnd, beside?: readonly SqlStatement[]): Promise<void>;
    get(id: string): Promise<Inference | undefined>;
    list(
      page: PageRequest & { readonly model?: string; readonly metadata?: Readonly<Record<string, string>> },
    ): Promise<Page<Inference>>;
    setMetadata(id: string, metadata: Readonly<Record<string, string>>): Promise<Inference | undefined>;
    /** Text and metadata; false where there is none. */
    remove(id: string): Promise<boolean>;
  };
  readonly users: {
    /** All that is kept of a user, as JSON objects with a field `kind`. */
    export(user: string): AsyncIterable<JsonObject>;
    /** Erases it, leaves a tombstone, and says how much there was. */
    erase(user: string, actor?: string): Promise<Erasure>;
  };
  readonly keys: {
    /** The key itself is returned here and nowhere else. */
    create(key: {
      readonly name: string;
      readonly scopes: readonly Scope[];
      readonly expiresAt?: number;
      readonly origins?: readonly string[];
      /** Who makes it, for the audit log; default: the store's owner. So it is with revoke and erase. */
      readonly actor?: string;
    }): Promise<{ readonly key: string; readonly record: KeyRecord }>;
    /** The record of a key that is there, not revoked and not expired. Answered from memory, in constant time. */
    find(key: string): KeyRecord | undefined;
    /** The same by its public id. */
    get(id: string): KeyRecord | undefined;
    list(): Promise<readonly KeyRecord[]>;
    revoke(id: string, actor?: string): Promise<boolean>;
    /** Whether any key is there that may still be used. */
    readonly hasAny: boolean;
  };
  readonly files: {
    add(file: FileRecord): Promise<void>;
    get(id: string): Promise<FileRecord | undefined>;
    list(page: PageRequest & { readonly purpose?: string }): Promise<Page<FileRecord>>;
    setStatus(id: string, status: FileRecord['status'], details?: string): Promise<void>;
    /** The record; the caller removes the bytes first. */
    remove(id: string): Promise<boolean>;
  };
  readonly jobs: {
    add(job: JobRecord): Promise<void>;
    get(id: string): Promise<JobRecord | undefined>;
    list(page: PageRequest & { readonly metadata?: Readonly<Record<string, string>> }): Promise<Page<JobRecord>>;
    /**
     * Changes fields where the status is one of `from`; events are written in the same transaction. Returns the job as it is then, or undefined where its
     * status was another.
     */
    change(
      id: string,
      change: {
        readonly from: readonly JobRecord['status'][];
        readonly set: Partial<JobRecord>;
        readonly events?: readonly Omit<JobEvent, 'id' | 'jobId' | 'createdAt'>[];
      },
    ): Promise<JobRecord | undefined>;
    addEvents(id: string, events: readonly Omit<JobEvent, 'id' | 'jobId' | 'createdAt'>[]): Promise<void>;
    events(id: string, page: PageRequest): Promise<Page<JobEvent>>;
    addCheckpoint(checkpoint: Omit<JobCheckpoint, 'id' | 'createdAt'>): Promise<void>;
    /** Where it has gone from the disk. */
    removeCheckpoint(id: string): Promise<void>;
    checkpoints(id: string, page: PageRequest): Promise<Page<JobCheckpoint>>;
  };
  readonly versions: {
    /** Nothing where it is there already. */
    add(version: VersionRecord): Promise<void>;
    get(id: string): Promise<VersionRecord | undefined>;
    list(): Promise<readonly VersionRecord[]>;
    aliases(): Promise<Readonly<Record<string, string>>>;
    /** Points an alias to a name of a model; undefined takes the alias away. */
    setAlias(alias: string, target: string | undefined, actor: string): Promise<void>;
  };
  readonly audit: {
    /** Append-only, each line with the hash of the one before. */
    append(entry: {
      readonly actor: string;
      readonly action: string;
      readonly subject: string;
      readonly detail?: JsonObject;
    }): Promise<void>;
    list(page: PageRequest): Promise<Page<AuditRecord>>;
    /** The first entry whose hash does not fit, if any. */
    verify(): Promise<{ readonly entries: number; readonly brokenAt?: number }>;
  };
  /**
   * Removes what is older than the retention says. A clock that went on by a day more than has passed is not believed the first time: then nothing is removed, and
   * `clockJumpMs` says how far it went.
   */
  sweep(): Promise<{ readonly texts: number; readonly inferences: number; readonly clockJumpMs?: number }>;
  /** Writes the database, the secret and the uploaded files as one archive (tar) to a file that is not there yet, while others go on. */
  backup(path: string): Promise<void>;
  /** Reads everything and says what is not as it should be. */
  check(): Promise<StoreCheck>;
  /** Rewrites the database without holes; everything else waits meanwhile. */
  vacuum(): Promise<void>;
  /** A key of 32 bytes for one purpose, derived from the store's own (HKDF). */
  deriveKey(purpose: string): Uint8Array;
  close(): Promise<void>;
}
