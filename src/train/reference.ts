import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, PreftuneError, type HostTensor } from '../core/index.ts';
import type { RowSet, TokenizedPair } from '../data/index.ts';
import { openSafetensorsFile, writeSafetensors } from '../formats/index.ts';
import { pairMicroBatch } from './batches.ts';
import type { BatchProgram } from './programs.ts';

/**
 * The reference as an artefact: the log-probabilities of both answers of every pair under the frozen reference model,
 * computed once and stored under a key of everything that decides them.
 */
export interface ReferenceIdentity {
  /** Fingerprint of the reference's weights, adapter included. */
  readonly weights: string;
  /** Fingerprint of the rows' token ids: tokenizer, template and truncation are in it. */
  readonly rows: string;
  /** Arithmetic that computed it. */
  readonly precision: 'float32';
}

export interface ReferenceLogps {
  readonly identity: ReferenceIdentity;
  /** [2 * rows]: chosen and rejected of each row, sums in nats. */
  readonly logps: Float32Array<ArrayBuffer>;
  readonly wasStored: boolean;
}

/** SHA-256 over the identity; the name of the stored file. */
export function referenceKey(identity: ReferenceIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([1, identity.weights, identity.rows, identity.precision]))
    .digest('hex');
}

export interface ReferenceOptions {
  readonly identity: ReferenceIdentity;
  readonly pairs: RowSet<TokenizedPair>;
  /** Folder of stored references. */
  readonly cache: string;
  /** Opens the reference model; called only when something must be computed. */
  readonly open: () => Promise<BatchProgram>;
  /** The micro-batches to compute, every row in one of them: allMicroBatches or firstEpochMicroBatches. */
  readonly groups: readonly (readonly number[])[];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Unfinished work is saved this often, so that an interrupted computation continues where it was. */
const SAVE_EVERY_MS = 30_000;
const TENSOR = 'logps';

function pathOf(identity: ReferenceIdentity, cache: string): string {
  return join(cache, `${referenceKey(identity)}.safetensors`);
}

/** Whether every log-probability of the identity is stored, so that its model need not be opened. */
export async function isReferenceStored(identity: ReferenceIdentity, cache: string, count: number): Promise<boolean> {
  const stored = await readStored(pathOf(identity, cache), count);
  return stored !== undefined && !stored.some((value) => Number.isNaN(value));
}

async function readStored(path: string, count: number): Promise<Float32Array<ArrayBuffer> | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const file = await openSafetensorsFile(path);
    try {
      const values = await file.readFloat32(TENSOR);
      return values.length === 2 * count ? values : undefined;
    } finally {
      await file.close();
    }
  } catch (thrown) {
    // A damaged cache entry is computed again.
    if (thrown instanceof PreftuneError) return undefined;
    throw thrown;
  }
}

/**
 * The stored log-probabilities of the identity, or computes and stores them. NaN marks what an interrupted computation has
 * not reached; a micro-batch that lacks a row is computed whole, so that continuing gives the bits of an uninterrupted
 * computation. Throws cancelled when the signal fires (what is computed is saved), run-failed for values that are not finite.
 */
export async function referenceLogps(options: ReferenceOptions): Promise<ReferenceLogps> {
  const { identity, pairs, cache, open, groups, onProgress, signal } = options;
  mkdirSync(cache, { recursive: true });
  const path = pathOf(identity, cache);
  const stored = await readStored(path, pairs.count);
  const logps = stored ?? new Float32Array(2 * pairs.count).fill(NaN);
  const missing = groups.filter((group) => group.some((row) => Number.isNaN(logps[2 * row]!)));
  if (missing.length === 0) return { identity, logps, wasStored: true };
  const save = (): Promise<void> =>
    writeSafetensors(path, [{ name: TENSOR, shape: [pairs.count, 2], read: () => Promise.resolve(logps) }], {
      metadata: { ...identity },
    });
  const program = await open();
  try {
    await program.refresh();
    let lastSave = performance.now();
    let done = pairs.count - missing.reduce((sum, group) => sum + group.length, 0);
    for (const group of missing) {
      if (signal?.aborted === true)
        throw new PreftuneError(
          'cancelled',
          `reference: stopped after ${done} of ${pairs.count} pairs, which are kept; the same command continues there`,
        );
      const { logps: values } = await program.evaluate(pairMicroBatch(group.map((row) => pairs.row(row))).inputs);
      storeGroup(logps, values!, { group, pairs });
      done += group.length;
      onProgress?.(done, pairs.count);
      if (performance.now() - lastSave > SAVE_EVERY_MS) {
        await save();
        lastSave = performance.now();
      }
    }
  } finally {
    await save();
    await program.dispose();
  }
  return { identity, logps, wasStored: false };
}

function storeGroup(
  logps: Float32Array,
  values: HostTensor,
  { group, pairs }: { group: readonly number[]; pairs: RowSet<TokenizedPair> },
): void {
  group.forEach((row, i) => {
    for (const side of [0, 1]) {
      const value = values.data[2 * i + side]!;
      if (!Number.isFinite(value)) {
        throw badInput(
          `reference: log-probabilities must be finite, row ${pairs.row(row).id} has ${value}; the reference model's weights are damaged`,
        );
      }
      logps[2 * row + side] = value;
    }
  });
}
