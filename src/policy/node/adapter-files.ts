import { badInput } from '../../core/index.ts';
import { readAdapterFolder, writeAdapterFolder, type Checkpoint } from '../../formats/index.ts';
import type { ModelConfig } from '../../models/index.ts';
import type { DeviceTensor } from '../../runtime/index.ts';
import { understandAdapter, writtenTensors, type ReadAdapter } from '../adapter-checkpoint.ts';
import type { Adapter } from '../adapter-config.ts';
import type { Policy } from '../policy.ts';
import { readFinite } from '../read-finite.ts';
import { wrappedAdapter } from '../reading/wrapped-adapter.ts';

/** Reads a PEFT LoRA folder for a model: understandAdapter of its files. Throws as that does, and bad-input for files that cannot be read. */
export async function readAdapter(path: string, config: ModelConfig, base?: Checkpoint): Promise<ReadAdapter> {
  const folder = await readAdapterFolder(path);
  try {
    return await understandAdapter(path, folder, { config, base });
  } finally {
    await folder.checkpoint.close();
  }
}

/** Writes a PEFT folder that PEFT's own loader reads. `read` gives a tensor by its name without prefix. */
export async function writeAdapter(
  path: string,
  { adapter, config, read }: { adapter: Adapter; config: ModelConfig; read: (name: string) => Promise<Float32Array> },
): Promise<void> {
  const tensors = writtenTensors(adapter, { config, read });
  const files = wrappedAdapter(config, { config: adapter.peftConfig, tensors });
  await writeAdapterFolder(path, { ...files, overwrite: true });
}

/** Writes the trained adapter as a PEFT folder. */
export async function saveAdapter(
  path: string,
  policy: Policy,
  tensors: ReadonlyMap<string, DeviceTensor>,
): Promise<void> {
  if (policy.adapter === undefined) throw badInput('save: there must be an adapter, every weight was trained');
  await writeAdapter(path, {
    adapter: policy.adapter,
    config: policy.training.config,
    read: (name) => readFinite(tensors.get(name)!, name),
  });
}
