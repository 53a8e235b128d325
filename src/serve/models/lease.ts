import type { Backend } from '../backends/backend.ts';

/** What a name of a model stands for: weights that do not change, and what answers with them. */
export interface Version {
  /** `name@digest`. */
  readonly id: string;
  /** The name by which it was loaded. */
  readonly name: string;
  readonly kind: 'model' | 'adapter' | 'upstream';
  /** The base of an adapter, by its name. */
  readonly parent: string | undefined;
  /** Where it came from, as the operator wrote it; only admins see it. */
  readonly root: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Positions of prompt and answer together; undefined where it is not known. */
  readonly maxTokens: number | undefined;
  readonly backend: Backend;
}

/** A version that stays as long as the lease is held. */
export interface Lease {
  readonly version: Version;
  /** Once, at the end of the request. */
  release(): void;
}
