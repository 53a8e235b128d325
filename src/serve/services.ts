import type { KeyRecord, Ledger } from '../ledger/index.ts';
import type { Caller } from './http/guard.ts';
import type { Sessions } from './http/session.ts';
import type { ServerMetrics } from './http/metrics.ts';
import type { ArmChooser } from './models/arm-chooser.ts';
import type { ModelBook } from './models/model-book.ts';
import type { AdapterLoader } from './models/adapter-loader.ts';
import type { Experiments } from '../experiments/index.ts';
import type { Feedback } from '../feedback/index.ts';
import type { Allowance } from './http/allowance.ts';
import type { ServeLimits } from './config/limits.ts';
import type { JobManager } from './jobs/job-manager.ts';
import type { Forwarder } from './spool/forwarder.ts';
import type { Receiver } from './spool/receive-records.ts';

/** Who may come in. */
export interface Access {
  /** Who is signed in to the page. */
  readonly sessions: Sessions;
  /** A key that is there and may be used. */
  readonly findKey: (key: string) => KeyRecord | undefined;
  /** Whether callers need a key or a session. */
  readonly needsKey: () => boolean;
}

/** What routes need of the server. */
export interface ServeServices {
  readonly book: ModelBook;
  /** Undefined where nothing is kept. */
  readonly ledger: Ledger | undefined;
  readonly access: Access;
  readonly metrics: ServerMetrics;
  readonly limits: ServeLimits;
  readonly adapters: AdapterLoader;
  /** Undefined where there is no store for them. */
  readonly jobs: JobManager | undefined;
  /** Undefined where records are not sent to a home server. */
  readonly forwarder: Forwarder | undefined;
  /** Undefined where there is no store for records of others. */
  readonly receiver: Receiver | undefined;
  /** What people say of answers; undefined where nothing is kept. */
  readonly feedback: Feedback | undefined;
  /** Live tests; undefined where nothing is kept. */
  readonly experiments: Experiments | undefined;
  /** Asked which model answers, where an experiment may decide that. */
  readonly arms: ArmChooser | undefined;
  /** Signals of one key in a minute. */
  readonly feedbackAllowance: Allowance;
  /** Throws ServeError for a request that goes beyond what may be asked at once, or in a minute. */
  requireRoom(caller: Caller): void;
  /** Counts tokens that a caller has used. */
  spend(caller: Caller, tokens: number): void;
  /** A fault of our own, for the operator's log. */
  tellFault(requestId: string, thrown: unknown): void;
  /** Whether models answer; undefined while they are loaded. */
  isReady(): boolean;
}
