import { plainDecoder, withLora } from '../models/index.ts';
import { openDevice, type DeviceName, type DeviceTensor } from '../runtime/index.ts';
import { loadModel, openModel, readAdapter } from '../train/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createGenerator, type Generator } from './generator.ts';

export interface OpenGeneratorOptions {
  /** A folder in Hugging Face layout or a .gguf file. */
  readonly model: string;
  /** A PEFT adapter folder. */
  readonly adapter?: string | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
}

/** A generator with the model's own tokenizer, on a device of its own; dispose ends all of it. Throws bad-input, run-failed. */
export async function openGenerator({
  model: path,
  adapter: adapterPath,
  device: name = 'cpu',
  threads,
}: OpenGeneratorOptions): Promise<Generator & { readonly tokenizer: Tokenizer }> {
  const { files, config, tokenizer } = await openModel(path);
  try {
    const adapter = adapterPath === undefined ? undefined : await readAdapter(adapterPath, config, files.checkpoint);
    const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
    try {
      const { weights } = await loadModel(device, config, files.checkpoint);
      const resident = new Map<string, DeviceTensor>(weights);
      for (const [weight, tensor] of adapter?.weights ?? [])
        resident.set(weight, await device.upload(tensor, { transfer: true }));
      const plain = plainDecoder(config);
      const decoder = adapter === undefined ? plain : withLora(plain, adapter.lora);
      const { generate } = await createGenerator(device, { decoder, tokenizer, resident });
      return { generate, tokenizer, dispose: () => device.dispose() };
    } catch (thrown) {
      await device.dispose();
      throw thrown;
    }
  } finally {
    await files.close();
  }
}
