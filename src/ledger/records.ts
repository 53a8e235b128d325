import type { Scope } from '../api/index.ts';
import type { JsonObject, Problem } from '../core/index.ts';

/** What a server keeps of requests and answers. */
export type LogLevel = 'text' | 'metadata' | 'off';

/** A request that was admitted, before its first byte leaves. Times are milliseconds since 1970. */
export interface InferenceStart {
  /** The id that the client sees: `chatcmpl-...`, `cmpl-...`. */
  readonly id: string;
  readonly createdAt: number;
  readonly route: 'chat' | 'completions';
  /** The name that the client gave, and the version that it stood for at admission. */
  readonly requestedModel: string;
  readonly versionId: string;
  readonly backend: string;
  /** The key that was used; its id, never the key. */
  readonly keyId?: string | undefined;
  /** As the client wrote it; kept as HMAC alone. */
  readonly user?: string | undefined;
  readonly episodeId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Temperature, seed, limits: no texts. */
  readonly parameters: JsonObject;
  /** Messages or prompt, tools, schema: texts, kept where the level is text and the request does not say `store: false`. */
  readonly request?: JsonObject | undefined;
  /** What the request says of `store`; undefined: nothing. */
  readonly store?: boolean | undefined;
}

/** How it ended. */
export interface InferenceEnd {
  readonly status: 'complete' | 'failed' | 'cancelled';
  readonly finishReasons?: readonly string[];
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  readonly cachedTokens?: number | undefined;
  readonly firstTokenMs?: number | undefined;
  readonly totalMs: number;
  /** The whole answer as the client had it (OpenAI's object): a text. */
  readonly response?: JsonObject | undefined;
  readonly error?: string | undefined;
}

/** What is there of an inference; texts where they were kept and are not erased. */
export interface Inference extends Omit<InferenceStart, 'user' | 'store'>, Partial<InferenceEnd> {
  /** HMAC of the user. */
  readonly userHash?: string | undefined;
}

export interface KeyRecord {
  /** Public: `key_...`. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly expiresAt?: number | undefined;
  readonly revokedAt?: number | undefined;
  readonly lastUsedAt?: number | undefined;
  /** Origins of browsers that may use it; undefined: no browser. */
  readonly origins?: readonly string[] | undefined;
}

export interface FileRecord {
  /** `file-...`; its bytes lie under `files/<id>` of the store. */
  readonly id: string;
  readonly filename: string;
  readonly purpose: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly createdAt: number;
  readonly expiresAt?: number | undefined;
  readonly status: 'uploaded' | 'processed' | 'error';
  readonly statusDetails?: string | undefined;
}

export type JobStatus = 'validating_files' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface JobRecord {
  /** `ftjob-...`; its run folder is `jobs/<id>` of the store. */
  readonly id: string;
  readonly createdAt: number;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  readonly status: JobStatus;
  readonly isPaused: boolean;
  readonly model: string;
  readonly trainingFile: string;
  readonly validationFile?: string | undefined;
  /** The request as it was understood: method, hyperparameters, suffix, seed, metadata. */
  readonly request: JsonObject;
  readonly fineTunedModel?: string | undefined;
  readonly resultFiles: readonly string[];
  readonly trainedTokens?: number | undefined;
  readonly error?: { readonly code: string; readonly message: string; readonly param: string | null } | undefined;
}

export interface JobEvent {
  /** `ftevent-...` */
  readonly id: string;
  readonly jobId: string;
  readonly createdAt: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly type: 'message' | 'metrics';
  readonly message: string;
  readonly data?: JsonObject | undefined;
}

export interface JobCheckpoint {
  /** `ftckpt_...` */
  readonly id: string;
  readonly jobId: string;
  readonly createdAt: number;
  readonly step: number;
  readonly model: string;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Weights that a name stood for: what an answer came from, for good. */
export interface VersionRecord {
  /** `name@digest`: the digest is of weights, adapter configuration and tokenizer. */
  readonly id: string;
  readonly name: string;
  readonly digest: string;
  readonly kind: 'model' | 'adapter' | 'upstream';
  readonly parent?: string | undefined;
  readonly jobId?: string | undefined;
  readonly createdAt: number;
}

/** A page of a list, in OpenAI's manner. */
export interface PageRequest {
  readonly after?: string | undefined;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/** What of a store is not as it should be. Empty lists: all is well. */
export interface StoreCheck {
  readonly problems: readonly Problem[];
  /** Files and run folders that no row speaks of: what a kill left. They are in nobody's way. */
  readonly orphans: readonly string[];
}

export interface AuditEntry {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail?: JsonObject | undefined;
}

/** An entry as it stands in the log, with the hash of the one before and its own (SHA-256, hexadecimal). */
export interface AuditRecord extends AuditEntry {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly previous: string;
  readonly hash: string;
}
