import { readFinite } from '../policy/index.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../core/index.ts';
import { openSafetensorsFile, writeSafetensors, type WritableTensor } from '../formats/index.ts';
import { writeCheckpoint, type StoredCheckpoint } from '../store/index.ts';
import type { LoopProgress } from './loop/loop.ts';
import type { Trainable } from './loop/trainable.ts';

const TENSORS = 'state.safetensors';
const STATE = 'state.json';

/**
 * Saves everything that the next step depends on: parameters, optimizer state and a reference that moves in float32, and the progress. Order and
 * dropout are pure functions of seed and step, so there is no random state to save.
 */
export async function saveCheckpoint(
  run: string,
  { tensors }: Pick<Trainable, 'tensors'>,
  progress: LoopProgress,
): Promise<StoredCheckpoint> {
  const writable = [...tensors].map(([name, tensor]): WritableTensor => ({
    name,
    shape: tensor.shape,
    read: () => readFinite(tensor, `step ${progress.step}: ${name}`),
  }));
  return writeCheckpoint(run, progress.step, {
    files: {
      [TENSORS]: (path) => writeSafetensors(path, writable),
      [STATE]: (path) => writeFileSync(path, `${JSON.stringify({ version: 1, ...progress })}\n`),
    },
  });
}

/** Puts a checkpoint's tensors back. Throws bad-input when they are not those of this run. */
export async function restoreCheckpoint(
  { path }: StoredCheckpoint,
  { tensors }: Pick<Trainable, 'tensors'>,
): Promise<LoopProgress> {
  const { step, tokens, owesEvaluation, objectiveState } = JSON.parse(
    readFileSync(join(path, STATE), 'utf8'),
  ) as LoopProgress;
  const file = await openSafetensorsFile(join(path, TENSORS));
  try {
    for (const [name, tensor] of tensors) {
      const entry = file.entries.get(name);
      if (entry === undefined || entry.shape.join() !== tensor.shape.join()) {
        throw badInput({
          file: path,
          message: `the checkpoint must hold ${name} [${tensor.shape.join(', ')}], it does not; it belongs to another run`,
        });
      }
      await tensor.write({ dtype: 'float32', shape: tensor.shape, data: await file.readFloat32(name) });
    }
  } finally {
    await file.close();
  }
  return {
    step,
    tokens,
    ...(owesEvaluation === undefined ? {} : { owesEvaluation }),
    ...(objectiveState === undefined ? {} : { objectiveState }),
  };
}
