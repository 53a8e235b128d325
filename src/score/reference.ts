import { badInput, PreftuneError, type HostTensor } from '../core/index.ts';
import type { RowSet } from '../data/index.ts';
import type { MicroBatch, BatchProgram } from '../policy/index.ts';

/**
 * The reference as an artefact: the log-probabilities of the answers of every row under the frozen reference model,
 * computed once and stored under a key of everything that decides them.
 */
export interface ReferenceIdentity {
  /** Fingerprint of the reference's weights, adapter included. */
  readonly weights: string;
  /** Fingerprint of the rows' token ids: tokenizer, template and truncation are in it. */
  readonly rows: string;
  /** Arithmetic that computed it: float32, or in what the base's projections are kept (see StoredBase). */
  readonly precision: string;
  /** What besides logps is known of every answer; none when left out. */
  readonly statistics?: readonly string[];
}

export type ReferenceValues = Readonly<Record<string, Float32Array<ArrayBuffer>>> & {
  readonly logps: Float32Array<ArrayBuffer>;
};

export interface ReferenceLogps {
  readonly identity: ReferenceIdentity;
  /** By statistic [width * rows]: the answers of each row, a pair's chosen and rejected; `logps` are sums in nats. */
  readonly values: ReferenceValues;
  readonly wasStored: boolean;
}

/** Sizes of a reference's values. */
export interface ReferenceSize {
  /** Rows. */
  readonly count: number;
  /** Answers of a row. */
  readonly width: number;
}

/** Where references are kept: a folder, memory, a browser's storage. */
export interface ReferenceStore {
  /** What was written last under this identity; undefined where there is nothing, or nothing whole of this size. */
  read(identity: ReferenceIdentity, size: ReferenceSize): Promise<ReferenceValues | undefined>;
  /** Whether what is written is kept for another time; default: it is. */
  readonly isKept?: () => boolean;
  /** Replaces what is there: complete or not at all. */
  write(identity: ReferenceIdentity, values: ReferenceValues, size: ReferenceSize): Promise<void>;
}

/** A store that keeps nothing: every reference is computed anew. */
export const NO_REFERENCE_STORE: ReferenceStore = { read: async () => undefined, write: async () => {} };

/** Rows whose answers a reference scores, `width` of them side by side. */
export interface ScoredRows {
  readonly set: Pick<RowSet<{ readonly id: string }>, 'count' | 'row'>;
  readonly width: number;
  /** The micro-batch of some rows, by number. */
  readonly batch: (rows: readonly number[]) => MicroBatch;
}

export interface ReferenceOptions {
  readonly identity: ReferenceIdentity;
  readonly rows: ScoredRows;
  readonly store: ReferenceStore;
  /** Opens the reference model; called only when something must be computed. */
  readonly open: () => Promise<BatchProgram>;
  /** The micro-batches to compute, every row that is wanted in one of them: allMicroBatches or firstEpochMicroBatches. */
  readonly groups: readonly (readonly number[])[];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Unfinished work is saved this often, so that an interrupted computation continues where it was. */
const SAVE_EVERY_MS = 30_000;

/** What is known of every answer: logps, and what else the identity says. */
export function statisticsOf({ statistics = [] }: ReferenceIdentity): readonly string[] {
  return ['logps', ...statistics];
}

/** Whether the log-probabilities of these rows are stored, so that the identity's model need not be opened. */
export async function isReferenceStored(
  identity: ReferenceIdentity,
  store: ReferenceStore,
  { rows, ...size }: ReferenceSize & { readonly rows: readonly number[] },
): Promise<boolean> {
  const stored = await store.read(identity, size);
  return stored !== undefined && !rows.some((row) => Number.isNaN(stored.logps[size.width * row]!));
}

/**
 * The stored log-probabilities of the identity, or computes and stores them. NaN marks what no computation has
 * reached yet; a micro-batch that lacks a row is computed whole, so that continuing gives the bits of an uninterrupted
 * computation. Throws cancelled when the signal fires (what is computed is saved), run-failed for values that are not finite.
 */
export async function referenceLogps(options: ReferenceOptions): Promise<ReferenceLogps> {
  const { identity, rows: scored, store, open, groups, onProgress, signal } = options;
  const { set, width } = scored;
  const size = { count: set.count, width };
  const stored = await store.read(identity, size);
  const empty = (): [string, Float32Array<ArrayBuffer>][] =>
    statisticsOf(identity).map((name) => [name, new Float32Array(width * set.count).fill(NaN)]);
  const values = stored ?? (Object.fromEntries(empty()) as ReferenceValues);
  const missing = groups.filter((group) => group.some((row) => Number.isNaN(values.logps[width * row]!)));
  if (missing.length === 0) return { identity, values, wasStored: true };
  const save = (): Promise<void> => store.write(identity, values, size);
  const program = await open();
  try {
    await program.refresh();
    let lastSave = performance.now();
    const rowsIn = (parts: typeof groups): number => parts.reduce((sum, group) => sum + group.length, 0);
    const total = rowsIn(groups);
    let done = total - rowsIn(missing);
    for (const group of missing) {
      if (signal?.aborted === true)
        throw new PreftuneError(
          'cancelled',
          `reference: stopped after ${done} of ${total} rows, which are ${store.isKept?.() === false ? 'lost, since the cache cannot be written' : 'kept; the same command continues there'}`,
        );
      const outputs = await program.evaluate(scored.batch(group).inputs);
      for (const [name, data] of Object.entries(values)) storeGroup(data, outputs[name]!, { group, scored });
      done += group.length;
      onProgress?.(done, total);
      if (performance.now() - lastSave > SAVE_EVERY_MS) {
        await save();
        lastSave = performance.now();
      }
    }
  } finally {
    await save();
    await program.dispose();
  }
  return { identity, values, wasStored: false };
}

function storeGroup(
  into: Float32Array,
  values: HostTensor,
  { group, scored: { set, width } }: { group: readonly number[]; scored: ScoredRows },
): void {
  group.forEach((row, i) => {
    for (let place = 0; place < width; place++) {
      const value = values.data[width * i + place]!;
      if (!Number.isFinite(value)) {
        throw badInput(
          `reference: log-probabilities must be finite, row ${set.row(row).id} has ${value}; the reference model's weights are damaged`,
        );
      }
      into[width * row + place] = value;
    }
  });
}
