import { readAdapter, writeAdapter, type ReadAdapter } from '../policy/index.ts';
import type { ExportSource } from './source.ts';
import { verifyModel, type Trained, type Verification } from './verify.ts';

/** Writes an adapter as PEFT's folder, with the name by which its users find the model below it. */
export async function writePeft(
  path: string,
  { source, adapter }: { readonly source: ExportSource; readonly adapter: ReadAdapter },
): Promise<void> {
  const { name: base, revision } = source.base;
  const { revision: _other, ...own } = adapter.peftConfig;
  const peftConfig = {
    ...own,
    base_model_name_or_path: base,
    ...(revision !== undefined && { revision }),
    inference_mode: true,
  };
  const read = (name: string): Promise<Float32Array> =>
    Promise.resolve(adapter.weights.get(name)!.data as Float32Array);
  await writeAdapter(path, {
    adapter: { ...adapter, peftConfig },
    config: source.opened.config,
    asked: source.asked,
    read,
  });
}

/** Reads the folder again over the base, and compares with the trained model. */
export async function verifyPeft(path: string, source: ExportSource, trained: Trained): Promise<Verification> {
  const { config, files } = source.opened;
  const adapter = await readAdapter(path, config, files.checkpoint);
  return verifyModel({ config, checkpoint: files.checkpoint, adapter }, undefined, {
    trained,
    format: 'F32',
    what: path,
  });
}
