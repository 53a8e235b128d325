import type { JsonObject } from '../core/index.ts';
import type { CandidateState } from './states.ts';

/** A version that may become the one that answers. Times are milliseconds since 1970. */
export interface Candidate {
  /** `cand_...` */
  readonly id: string;
  readonly createdAt: number;
  /** The name that it answers by. */
  readonly model: string;
  /** What it began from: the version that it must beat. */
  readonly parent: string;
  /** The model that the first of its line began from: KL is measured from here, so that small steps do not add up unseen. */
  readonly origin: string;
  readonly snapshotId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly state: CandidateState;
  readonly movedAt: number;
}

/** One change of a candidate's state. */
export interface CandidateMove {
  readonly at: number;
  readonly from: CandidateState;
  readonly to: CandidateState;
  /** A key's id, `owner` for commands, `loop` where a rule decided. */
  readonly actor: string;
  readonly reason: string;
  /** What was seen then: the gate's checks, the verdict of an experiment, a guardrail. */
  readonly evidence?: JsonObject | undefined;
}

/** A change of what an alias stands for. */
export interface Promotion {
  readonly at: number;
  readonly alias: string;
  readonly before?: string | undefined;
  readonly after: string;
  readonly kind: 'promotion' | 'rollback';
  readonly actor: string;
  readonly reason: string;
}
