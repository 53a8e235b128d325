import type { Responder } from './responder.ts';

/** What became of requests, and what they cost, since the engine was made. */
export interface EngineCounts {
  answered: number;
  failed: number;
  cancelled: number;
  /** Not taken, because the queue was full. */
  refused: number;
  /** Of prompts that were begun. */
  promptTokens: number;
  /** Of these, those that an earlier answer's cache held. */
  cachedTokens: number;
  /** Of these, those that were read for another answer to the same prompt. */
  sharedTokens: number;
  generatedTokens: number;
}

/** A model, or an adapter on one. */
export interface ResponderStats {
  readonly model: string;
  /** Undefined for the model itself. */
  readonly adapter: string | undefined;
  /** Of its own tensors on the device: weights, and what was computed of them. */
  readonly bytes: number;
  /** Of the keys and values of its answers. */
  readonly cacheBytes: number;
  readonly running: number;
  readonly waiting: number;
  /** Removed, and there until its last answer has ended. */
  readonly isLeaving: boolean;
}

/** An engine at one moment. */
export interface EngineStats extends Readonly<EngineCounts> {
  readonly running: number;
  readonly waiting: number;
  /** Of the prompts that wait. */
  readonly waitingTokens: number;
  /** Compiled steps. */
  readonly programs: number;
  /** Models and adapters, in the order in which they came. */
  readonly responders: readonly ResponderStats[];
}

export function responderStats(
  responder: Responder,
  { running, waiting }: Pick<ResponderStats, 'running' | 'waiting'>,
): ResponderStats {
  const { model, adapter, bytes, batch, isLeaving } = responder;
  return { model, adapter, bytes, cacheBytes: batch.cacheBytes, running, waiting, isLeaving };
}
