import { badInput } from '../core/index.ts';
import { baseDecoder, withLora, type DecodingPrecision } from '../models/index.ts';
import { openDevice, type DeviceName, type DeviceTensor } from '../runtime/index.ts';
import { loadModel, openModel, readAdapter, type Adapter } from '../train/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createGenerator, type Generator } from './generator.ts';

export interface OpenGeneratorOptions {
  /** A folder in Hugging Face layout or a .gguf file. */
  readonly model: string;
  /** A PEFT adapter folder. */
  readonly adapter?: string | undefined;
  /** How the matrices of the base are kept; others than float32 need the cpu, and an adapter on them is computed apart. Default float32. */
  readonly basePrecision?: DecodingPrecision | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
}

/** Throws bad-input for an adapter that must read a matrix that is kept compactly: DoRA's magnitudes, and one of the head or the embeddings it may be tied to. */
function requireSeparable(path: string, { lora: { magnitudes, targets } }: Adapter): void {
  const ends = targets.filter((target) => target.path === 'lm_head' || target.path === 'model.embed_tokens');
  const [what] = [...(magnitudes === true ? ['magnitudes (DoRA)'] : []), ...ends.map((target) => target.path)];
  if (what === undefined) return;
  throw badInput(
    `${path}: the base must be in float32 under an adapter with ${what}, which reads whole matrices; leave out --base-precision, or merge the adapter with preftune export`,
  );
}

/** A generator with the model's own tokenizer, on a device of its own; dispose ends all of it. Throws bad-input, run-failed. */
export async function openGenerator({
  model: path,
  adapter: adapterPath,
  basePrecision: precision = 'float32',
  device: name = 'cpu',
  threads,
}: OpenGeneratorOptions): Promise<Generator & { readonly tokenizer: Tokenizer }> {
  const { files, config, tokenizer } = await openModel(path);
  try {
    const adapter = adapterPath === undefined ? undefined : await readAdapter(adapterPath, config, files.checkpoint);
    if (precision !== 'float32' && adapter !== undefined) requireSeparable(adapterPath!, adapter);
    const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
    try {
      const { weights, constants, base } = await loadModel(device, config, files.checkpoint, {
        precision,
        purpose: 'decoding',
      });
      const resident = new Map<string, DeviceTensor>(weights);
      for (const [weight, tensor] of adapter?.weights ?? [])
        resident.set(weight, await device.upload(tensor, { transfer: true }));
      const plain = baseDecoder(config, precision, 'decoding');
      // A compact matrix cannot be added to.
      const sumOrSeparate = base === undefined ? 'sum' : 'separate';
      const decoder = adapter === undefined ? plain : withLora(plain, adapter.lora, { path: sumOrSeparate });
      const { generate } = await createGenerator(device, { decoder, tokenizer, resident, constants });
      return { generate, tokenizer, dispose: () => device.dispose() };
    } catch (thrown) {
      await device.dispose();
      throw thrown;
    }
  } finally {
    await files.close();
  }
}
