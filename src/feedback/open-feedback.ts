import type { Ledger, Page, PageRequest } from '../ledger/index.ts';
import type { Signal } from './signals/signal.ts';
import { getSignal, listSignals, type SignalFilter, type SignalRecord } from './signals/signal-records.ts';
import { takeSignals, type Taken, type TakeOptions } from './signals/take-signals.ts';

/** What people say of answers, in the store. */
export interface Feedback {
  /** Takes signals in one commit and says what became of each, in their order. */
  take(signals: readonly Signal[], options?: TakeOptions): Promise<readonly Taken[]>;
  get(id: string): Promise<SignalRecord | undefined>;
  list(filter: SignalFilter, page: PageRequest): Promise<Page<SignalRecord>>;
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
 * console.log(taken.status, taken.code); // refused not_found
 * await ledger.close();
 * ```
 */
export function openFeedback({ room, log }: Pick<Ledger, 'room' | 'log'>): Feedback {
  return {
    take: (signals, options) => takeSignals(room, log, signals, options),
    get: (id) => getSignal(room, id),
    list: (filter, page) => listSignals(room, filter, page),
  };
}
