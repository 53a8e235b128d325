import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PreftuneError } from '../core/index.ts';
import { diskError, placeTrouble, requireWritable, unkept } from '../files/index.ts';
import { openSafetensorsFile, writeSafetensors } from '../formats/index.ts';
import { statisticsOf, type ReferenceIdentity, type ReferenceStore, type ReferenceValues } from './reference.ts';

/** SHA-256 over the identity; the name of the stored file. */
export function referenceKey(identity: ReferenceIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([1, identity.weights, identity.rows, identity.precision, ...(identity.statistics ?? [])]))
    .digest('hex');
}

/**
 * References as files of a folder, which is made when the first is asked for. With `onUnwritable`, one that cannot be written, or whose disk becomes full, stops nothing: this
 * is called once with a line for people, and what is computed is not kept. Without it that is an error, found before any is computed.
 */
export function referenceFolder(
  folder: string,
  { onUnwritable }: { readonly onUnwritable?: ((text: string) => void) | undefined } = {},
): ReferenceStore {
  let isKept = true;
  const failed = (error: unknown): void => {
    const trouble = diskError(folder, error);
    if (onUnwritable === undefined) throw trouble;
    if (isKept)
      onUnwritable(
        unkept({
          what: 'log-probabilities of the reference',
          folder,
          why: placeTrouble(folder, error),
          option: '--reference-cache',
        }),
      );
    isKept = false;
  };
  const pathOf = (identity: ReferenceIdentity): string => join(folder, `${referenceKey(identity)}.safetensors`);
  return {
    isKept: () => isKept,
    read: async (identity, { count, width }) => {
      try {
        mkdirSync(folder, { recursive: true });
        requireWritable(folder);
      } catch (error) {
        failed(error);
      }
      const path = pathOf(identity);
      if (!existsSync(path)) return undefined;
      try {
        const file = await openSafetensorsFile(path);
        try {
          const values: Record<string, Float32Array<ArrayBuffer>> = {};
          for (const name of statisticsOf(identity)) values[name] = await file.readFloat32(name);
          const isWhole = Object.values(values).every(({ length }) => length === width * count);
          return isWhole ? (values as ReferenceValues) : undefined;
        } finally {
          await file.close();
        }
      } catch (thrown) {
        // A damaged cache entry is computed again.
        if (thrown instanceof PreftuneError) return undefined;
        throw thrown;
      }
    },
    write: async (identity, values, { count, width }) => {
      const tensors = Object.entries(values).map(([name, data]) => ({
        name,
        shape: [count, width],
        read: () => Promise.resolve(data),
      }));
      const { weights, rows, precision } = identity;
      if (!isKept) return;
      await writeSafetensors(pathOf(identity), tensors, { metadata: { weights, rows, precision } }).catch(failed);
    },
  };
}
