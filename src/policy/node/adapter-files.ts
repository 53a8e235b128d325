import { badInput } from '../../core/index.ts';
import { readAdapterFolder, writeAdapterFolder, type Checkpoint } from '../../formats/index.ts';
import type { ModelConfig } from '../../models/index.ts';
import type { DeviceTensor } from '../../runtime/index.ts';
import { understandAdapter, writtenTensors, type ReadAdapter } from '../adapter-checkpoint.ts';
import { askingFiles, type Asking } from '../asking.ts';
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

export interface WrittenAdapter {
  readonly adapter: Adapter;
  readonly config: ModelConfig;
  /** How the model with it is to be asked, where that is known; it stands in a file that PEFT does not read. */
  readonly asked?: Asking | undefined;
  /** A tensor by its name without prefix. */
  readonly read: (name: string) => Promise<Float32Array>;
}

/** Writes a PEFT folder that PEFT's own loader reads. */
export async function writeAdapter(path: string, { adapter, config, asked, read }: WrittenAdapter): Promise<void> {
  const tensors = writtenTensors(adapter, { config, read });
  const files = wrappedAdapter(config, { config: adapter.peftConfig, tensors });
  await writeAdapterFolder(path, { ...files, textFiles: askingFiles(asked), overwrite: true });
}

/** Writes the trained adapter as a PEFT folder. */
export async function saveAdapter(
  path: string,
  policy: Policy,
  { tensors, asked }: { readonly tensors: ReadonlyMap<string, DeviceTensor>; readonly asked?: Asking | undefined },
): Promise<void> {
  if (policy.adapter === undefined) throw badInput('save: there must be an adapter, every weight was trained');
  await writeAdapter(path, {
    adapter: policy.adapter,
    config: policy.training.config,
    asked,
    read: (name) => readFinite(tensors.get(name)!, name),
  });
}
