import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, isObject, type JsonObject } from '../core/index.ts';
import { openSafetensorsFile, writeSafetensors, type WritableTensor } from '../formats/index.ts';
import { readFinite } from '../policy/index.ts';
import type { DeviceTensor } from '../runtime/index.ts';
import { writeCheckpoint, type StoredCheckpoint } from '../store/index.ts';
import type { LoopProgress } from './loop/loop.ts';

const TENSORS = 'state.safetensors';
const STATE = 'state.json';
/** Behind the name of a source or a part of a step, whose state is one field of state.json. */
const SUFFIX = 'State';

/** What a checkpoint holds on the device. */
export interface SavedTensors {
  /** By the names under which the checkpoint holds them. */
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
}

/**
 * Saves everything that the next step depends on: parameters, optimizer state and the tensors of a step's parts in float32, the progress, and what
 * source and parts say of themselves. Order and dropout are pure functions of seed and step, so there is no random state to save.
 */
export async function saveCheckpoint(
  run: string,
  { tensors }: SavedTensors,
  { step, tokens, states = {}, owesEvaluation }: LoopProgress,
): Promise<StoredCheckpoint> {
  const writable = [...tensors].map(([name, tensor]): WritableTensor => ({
    name,
    shape: tensor.shape,
    read: () => readFinite(tensor, `step ${step}: ${name}`),
  }));
  const named = Object.fromEntries(Object.entries(states).map(([name, state]) => [`${name}${SUFFIX}`, state]));
  const state = { version: 1, step, tokens, ...named, ...(owesEvaluation === undefined ? {} : { owesEvaluation }) };
  return writeCheckpoint(run, step, {
    files: {
      [TENSORS]: (path) => writeSafetensors(path, writable),
      [STATE]: (path) => writeFileSync(path, `${JSON.stringify(state)}\n`),
    },
  });
}

/** Puts a checkpoint's tensors back. Throws bad-input when they are not those of this run. */
export async function restoreCheckpoint({ path }: StoredCheckpoint, { tensors }: SavedTensors): Promise<LoopProgress> {
  const { step, tokens, owesEvaluation, ...rest } = JSON.parse(readFileSync(join(path, STATE), 'utf8')) as LoopProgress;
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
  const states = Object.entries(rest).flatMap(([name, state]): [string, JsonObject][] =>
    name.endsWith(SUFFIX) && isObject(state) ? [[name.slice(0, -SUFFIX.length), state as JsonObject]] : [],
  );
  return {
    step,
    tokens,
    ...(states.length === 0 ? {} : { states: Object.fromEntries(states) }),
    ...(owesEvaluation === undefined ? {} : { owesEvaluation }),
  };
}
