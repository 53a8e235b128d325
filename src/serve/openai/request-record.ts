import type { SqlStatement } from '../../database/index.ts';
import type { InferenceEnd, InferenceStart } from '../../ledger/index.ts';
import type { ServeServices } from '../services.ts';

/** What is kept of one request: in the ledger, and on its way to a home server. */
export interface RequestRecord {
  /** Resolves when the beginning is on the disk. */
  begin(): Promise<void>;
  /** Resolves when all of it is. */
  end(end: InferenceEnd): Promise<void>;
}

/** An answer that is drawn for longer has its beginning on the disk meanwhile, so that a kill leaves word of it. */
const BEGIN_AFTER_MS = 1000;

/**
 * A stream begins its record before its first byte, which shows its id, and ends it before its last. An answer that leaves as a whole shows its id with the end: it is
 * written in one transaction, so it waits for the disk once. `beside` is written with the beginning.
 */
export function createRecord(
  { ledger, forwarder }: Pick<ServeServices, 'ledger' | 'forwarder'>,
  start: InferenceStart,
  beside: readonly SqlStatement[] = [],
): RequestRecord {
  let beginning: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    beginning ??= ledger?.inferences.begin(start, beside) ?? Promise.resolve();
    // Whoever waits for it hears of a failure, and nobody may be waiting yet.
    beginning.catch(() => undefined);
    return beginning;
  };
  const late = setTimeout(() => void begin(), BEGIN_AFTER_MS);
  late.unref();
  return {
    begin,
    async end(end) {
      clearTimeout(late);
      const kept =
        beginning === undefined
          ? [ledger?.inferences.record(start, end, beside)]
          : [beginning, ledger?.inferences.finish(start.id, end)];
      await Promise.all([...kept, forwarder?.inference(start, end)]);
    },
  };
}
