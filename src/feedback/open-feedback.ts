import type { Content } from '../data/index.ts';
import { sql } from '../database/index.ts';
import type { Ledger, Page, PageRequest } from '../ledger/index.ts';
import { buildRows, type BuildReport } from './rows/build-rows.ts';
import { promptHash } from './rows/material.ts';
import type { FeedbackRowOptions } from './rows/row-options.ts';
import {
  getRow,
  listRows,
  reviewRows,
  type FeedbackRow,
  type FeedbackRowKind,
  type RowFilter,
  type RowLineage,
} from './rows/row-store.ts';
import type { Signal } from './signals/signal.ts';
import { getSignal, listSignals, type SignalFilter, type SignalRecord } from './signals/signal-records.ts';
import { takeSignals, type Taken, type TakeOptions } from './signals/take-signals.ts';

/** What people say of answers, in the store. */
export interface Feedback {
  /** Takes signals in one commit and says what became of each, in their order. */
  take(signals: readonly Signal[], options?: TakeOptions): Promise<readonly Taken[]>;
  get(id: string): Promise<SignalRecord | undefined>;
  list(filter: SignalFilter, page: PageRequest): Promise<Page<SignalRecord>>;
  readonly rows: {
    /** Makes rows anew of all that stands; those that are no longer made stay, no longer current. */
    build(options?: FeedbackRowOptions): Promise<BuildReport>;
    get(id: string): Promise<(FeedbackRow & { readonly lineage: RowLineage }) | undefined>;
    list(filter: RowFilter, page: PageRequest): Promise<Page<FeedbackRow>>;
    /** Approves or rejects rows, noted in the audit log; returns the ids that are none. */
    review(
      ids: readonly string[],
      review: {
        readonly verdict: 'approved' | 'rejected';
        readonly actor: string;
        readonly note?: string | undefined;
      },
    ): Promise<readonly string[]>;
    /** The rows of a kind to train on: current, and ready or approved. */
    records(kind: FeedbackRowKind): AsyncIterable<FeedbackRow>;
  };
  /** Prompts that are measured with, and so never trained on: kept as hashes. Returns how many are new. */
  holdOut(prompts: readonly Content[], reason: string): Promise<number>;
}

/**
 * Signals and the rows that are made of them, over the tables of a store.
 *
 * @example
 * ```ts run
 * import { openFeedback, readSignal } from 'preftune/feedback';
 * import { openLedger } from 'preftune/ledger';
 *
 * const ledger = await openLedger('store');
 * const feedback = openFeedback(ledger);
 * const [taken] = await feedback.take([readSignal({ kind: 'thumb', inference_id: 'chatcmpl-1', value: 'up' })]);
 * if (taken?.status === 'refused') console.log(taken.code); // not_found
 * await ledger.close();
 * ```
 */
export function openFeedback(ledger: Pick<Ledger, 'room' | 'log' | 'inferences'>): Feedback {
  const { room, log } = ledger;
  return {
    take: (signals, options) => takeSignals(room, log, signals, options),
    get: (id) => getSignal(room, id),
    list: (filter, page) => listSignals(room, filter, page),
    rows: {
      build: (options) => buildRows(ledger, options),
      get: (id) => getRow(room, id),
      list: (filter, page) => listRows(room, filter, page),
      review: (ids, review) => reviewRows(room, ids, review),
      async *records(kind) {
        for (let after: string | undefined; ;) {
          const { items, hasMore } = await listRows(
            room,
            { kind, isCurrent: true },
            { limit: PAGE, order: 'asc', after },
          );
          yield* items.filter(({ state }) => state === 'ready' || state === 'approved');
          if (!hasMore) return;
          after = items.at(-1)!.id;
        }
      },
    },
    async holdOut(prompts, reason) {
      const hashes = [...new Set(prompts.map(promptHash))];
      if (hashes.length === 0) return 0;
      const results = await room.database.write(
        hashes.map((hash) =>
          sql(
            'INSERT OR IGNORE INTO held_out_prompts (prompt_hash, added_at, reason) VALUES (?, ?, ?)',
            hash,
            room.now(),
            reason,
          ),
        ),
      );
      return results!.reduce((count, { changes }) => count + changes, 0);
    },
  };
}

const PAGE = 200;
