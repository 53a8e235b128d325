import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, busy, runFailed, type JsonObject } from '../../core/index.ts';
import { acquireLock } from '../../files/index.ts';
import { addressProblem } from './spool-address.ts';
import { MOST_RECORD_BYTES, SpoolFiles, type SpoolCounts, type WaitingRecord } from './spool-files.ts';
import { deliver, type Delivery } from './spool-sender.ts';

export interface SpoolOptions {
  /** Made where it does not exist. One process has it at a time. */
  readonly folder: string;
  /** Where records go: `https://home/v1/preftune/records`. Plain http only on this machine. */
  readonly url: string;
  /** A key of the home server with the scope feedback. */
  readonly key: string;
  /** Bytes that may wait. Default 64 MiB. */
  readonly mostBytes?: number;
  /** What happens to a record that does not fit: it is refused, or the oldest ones make room. Default refuse. */
  readonly whenFull?: 'refuse' | 'drop-oldest';
  /** Records of one request. Default 200, and at most 1 MiB of them. */
  readonly batchRecords?: number;
  /** The first wait after a failure, doubled each time, and the longest. Default 1 s and 60 s. */
  readonly retryMs?: { readonly first: number; readonly most: number };
  /** For one request. Default 30 s. */
  readonly timeoutMs?: number;
  /** Bytes after which a new segment begins. Default 4 MiB. */
  readonly segmentBytes?: number;
  /** What an operator should know: the home server is away, or back; records were refused or dropped. */
  readonly onNote?: (note: string) => void;
  readonly fetch?: typeof fetch;
}

export interface SpoolStats extends SpoolCounts {
  /** Records that are on the disk and not yet taken. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Pushes that were refused because the spool was full, since it was opened. */
  readonly turnedAway: number;
  /** Why the last try failed; undefined after one that did not. */
  readonly problem: string | undefined;
}

/** Records on their way to a home server. */
export interface Spool {
  /** Resolves with the record's id when it is on the disk. Throws busy where the spool is full, bad-input for a record beyond 1 MiB. */
  push(record: JsonObject): Promise<string>;
  /** Tries to deliver all that waits, for at most so long; gives how many still wait. They are sent when the folder is opened again. */
  drain(timeoutMs: number): Promise<number>;
  stats(): SpoolStats;
  /** Stops sending, in the middle too. What waits stays on the disk. */
  dispose(): Promise<void>;
}

const MOST_BYTES = 64 * 2 ** 20;
const BATCH_BYTES = 2 ** 20;
const LINE_OVERHEAD_BYTES = 64;
/** The longest wait between two tries while the process is about to end. */
const DRAIN_RETRY_MS = 500;

/**
 * Opens a spool: `push` writes a record to the disk, and a sender delivers in batches, in order, again and again until the home server has said what became of each.
 * A record is delivered at least once; its id lets the home server leave out repetitions (`createReceiver`). Waits go by elapsed time alone, so that a clock that
 * jumps changes nothing. Throws bad-input for an address that would send the key in the clear, and where another process has the folder.
 */
export function createSpool(options: SpoolOptions): Spool {
  const { folder, url, key, mostBytes = MOST_BYTES, whenFull = 'refuse', batchRecords = 200 } = options;
  const { retryMs = { first: 1000, most: 60_000 }, timeoutMs = 30_000, onNote = () => undefined } = options;
  const wrong = addressProblem(url);
  if (wrong !== undefined) throw badInput({ path: 'forward', message: wrong });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = acquireLock(join(folder, 'lock'), 'the spool');
  let files: SpoolFiles;
  try {
    files = new SpoolFiles(folder, { segmentBytes: options.segmentBytes ?? Math.min(4 * 2 ** 20, mostBytes / 4) });
  } catch (error) {
    lock.release();
    throw error;
  }
  const stopping = new AbortController();
  const sender = { url, key, timeoutMs, fetch: options.fetch ?? fetch };
  let problem: string | undefined;
  let turnedAway = 0;
  let isDisposed = false;
  let draining = 0;
  let wake: (() => void) | undefined;
  const idle = new Set<() => void>();

  /** Waits, or until a push or a drain comes. */
  const pause = (waitMs: number | undefined): Promise<void> =>
    new Promise((resolve) => {
      const timer = waitMs === undefined ? undefined : setTimeout(resolve, waitMs);
      timer?.unref();
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** Delivers, halving a batch that is refused as a whole until the record to blame stands alone. */
  const settle = async (wanted: readonly WaitingRecord[]): Promise<Delivery> => {
    // Some may have made room for others meanwhile.
    const batch = wanted.filter((waiting) => files.has(waiting));
    if (batch.length === 0) return { kind: 'done', refusals: new Map() };
    const records = batch.map((waiting) => ({ id: waiting.id, record: files.recordOf(waiting) }));
    const delivery = await deliver({ records, dropped: files.counts.dropped }, sender, stopping.signal);
    if (delivery.kind === 'later' || isDisposed) return delivery;
    if (delivery.kind === 'done') {
      files.finish(batch, delivery.refusals);
      for (const [id, reason] of delivery.refusals) onNote(`forward: record ${id} was refused: ${reason}`);
      return delivery;
    }
    if (batch.length === 1) {
      const { id } = batch[0]!;
      files.finish(batch, new Map([[id, delivery.reason]]));
      onNote(`forward: record ${id} was refused and lies in ${join(folder, 'refused.jsonl')}: ${delivery.reason}`);
      return { kind: 'done', refusals: new Map() };
    }
    const middle = Math.ceil(batch.length / 2);
    const first = await settle(batch.slice(0, middle));
    return first.kind === 'later' ? first : settle(batch.slice(middle));
  };

  const nextBatch = (): WaitingRecord[] => {
    const batch: WaitingRecord[] = [];
    let bytes = 0;
    for (const waiting of files.waiting) {
      bytes += waiting.place.length;
      if (batch.length > 0 && (batch.length >= batchRecords || bytes > BATCH_BYTES)) break;
      batch.push(waiting);
    }
    return batch;
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const batch = nextBatch();
      if (batch.length === 0) {
        for (const tell of idle) tell();
        await pause(undefined);
        continue;
      }
      const delivery = await settle(batch);
      if (isDisposed) return;
      if (delivery.kind !== 'later') {
        if (problem !== undefined) onNote('forward: the home server takes records again');
        problem = undefined;
        failures = 0;
        continue;
      }
      if (problem !== delivery.reason)
        onNote(`forward: ${plural(files.waiting.length)} wait: ${url} did not take them: ${delivery.reason}`);
      problem = delivery.reason;
      const backoffMs = Math.min(retryMs.first * 2 ** Math.min(failures, 30), retryMs.most);
      failures += 1;
      // Many containers that start together must not ask together.
      const waitMs = Math.max(backoffMs * (0.5 + Math.random() / 2), delivery.afterMs ?? 0);
      await pause(draining > 0 ? Math.min(waitMs, DRAIN_RETRY_MS) : waitMs);
    }
  };
  let fault: unknown;
  const running = run().catch((thrown: unknown) => {
    // The disk failed: what waits stays there, and pushes say so.
    fault = thrown;
    problem = String(thrown);
    onNote(`forward: stopped: ${String(thrown)}`);
  });

  const makeRoom = (bytes: number): void => {
    while (files.sizeBytes + bytes > mostBytes) {
      const dropped = whenFull === 'drop-oldest' ? files.dropOldest() : 0;
      if (dropped === 0) {
        turnedAway += 1;
        throw busy(
          `forward: at most ${mostBytes} bytes may wait for ${url}, got ${files.waiting.length} records that wait${problem === undefined ? '' : ` (${problem})`}; bring the home server back, or allow more`,
        );
      }
      onNote(`forward: ${plural(dropped)} dropped to make room; ${files.counts.dropped} in all`);
    }
  };

  return {
    async push(record) {
      if (isDisposed) throw runFailed('forward: the spool is closed');
      if (fault !== undefined) throw runFailed(`forward: the spool failed: ${String(fault)}`);
      const bytes = Buffer.byteLength(JSON.stringify(record));
      if (bytes > MOST_RECORD_BYTES)
        throw badInput(`forward: a record must be at most ${MOST_RECORD_BYTES} bytes, got ${bytes}`);
      makeRoom(bytes + LINE_OVERHEAD_BYTES);
      const id = `rec_${randomBytes(16).toString('hex')}`;
      const lines = files.append(id, record);
      await lines.flushed();
      // A sender that waits out a failure keeps its patience.
      if (problem === undefined) wake?.();
      return id;
    },
    async drain(limitMs) {
      if (isDisposed || files.waiting.length === 0) return files.waiting.length;
      draining += 1;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        const done = (): void => {
          clearTimeout(timer);
          idle.delete(done);
          resolve();
        };
        idle.add(done);
        wake?.();
      });
      draining -= 1;
      return files.waiting.length;
    },
    stats: () => ({
      ...files.counts,
      waiting: files.waiting.length,
      waitingBytes: files.sizeBytes,
      turnedAway,
      problem,
    }),
    async dispose() {
      if (isDisposed) return running;
      isDisposed = true;
      stopping.abort();
      wake?.();
      await running;
      await files.dispose();
      lock.release();
    },
  };
}

function plural(records: number): string {
  return `${records} ${records === 1 ? 'record' : 'records'}`;
}
