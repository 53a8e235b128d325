import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, runFailed } from '../core/index.ts';
import { findNonFinite, openSafetensorsFile, writeSafetensors, type WritableTensor } from '../formats/index.ts';
import { writeCheckpoint, type StoredCheckpoint } from '../store/index.ts';
import type { DeviceTensor } from '../runtime/index.ts';
import type { Progress } from './loop.ts';
import type { Trainable } from './trainable.ts';

const TENSORS = 'state.safetensors';
const STATE = 'state.json';

/**
 * Saves everything that the next step depends on: parameters, optimizer state and a reference that moves in float32, and the progress. Order and
 * dropout are pure functions of seed and step, so there is no random state to save.
 */
export async function saveCheckpoint(
  run: string,
  { tensors }: Pick<Trainable, 'tensors'>,
  progress: Progress,
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

/**
 * A tensor on its way to disk. Throws run-failed when an element is not finite: what is saved can always be continued, and a run that has
 * diverged keeps its last good checkpoint.
 */
export async function readFinite(tensor: DeviceTensor, what: string): Promise<Float32Array> {
  const data = (await tensor.read()).data as Float32Array;
  const bad = findNonFinite(data);
  if (bad === undefined) return data;
  throw runFailed(
    `${what} must be finite to be saved, element ${bad.firstIndex} is ${data[bad.firstIndex]}; the weights have diverged, most likely because the learning rate is too high: ` +
      'start again with a lower --learning-rate; checkpoints that were saved are finite',
  );
}

/** Puts a checkpoint's tensors back. Throws bad-input when they are not those of this run. */
export async function restoreCheckpoint(
  { path }: StoredCheckpoint,
  { tensors }: Pick<Trainable, 'tensors'>,
): Promise<Progress> {
  const { step, tokens, owesEvaluation, objectiveState } = JSON.parse(
    readFileSync(join(path, STATE), 'utf8'),
  ) as Progress;
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
