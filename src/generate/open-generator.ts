import { badInput } from '../core/index.ts';
import { baseDecoder, withLora, type DecodingPrecision } from '../models/index.ts';
import { openDevice, type DeviceName, type DeviceTensor } from '../runtime/index.ts';
import { loadModel, openModel, readAdapter, type ReadAdapter } from '../policy/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createEngine } from './engine.ts';
import type { EngineModel } from './engine-model.ts';
import { generatorOf, type Generator } from './generator.ts';
import { BASE } from './registry.ts';

export interface OpenGeneratorOptions {
  /** A folder in Hugging Face layout or a .gguf file. */
  readonly model: string;
  /** A PEFT adapter folder, for every prompt. */
  readonly adapter?: string | undefined;
  /** PEFT adapter folders by the names that prompts give, instead of `adapter`; they share the weights of the base. */
  readonly adapters?: ReadonlyMap<string, string> | undefined;
  /** How the matrices of the base are kept; others than float32 need the cpu, and an adapter on them is computed apart. Default float32. */
  readonly basePrecision?: DecodingPrecision | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  /** Answers under way at once. Default 32. */
  readonly maxRows?: number | undefined;
  /** Keeps the cache of the last answer, for a prompt that goes on with it. Default false. */
  readonly keepsPrefix?: boolean | undefined;
}

/** Throws bad-input for an adapter that must read a matrix that is kept compactly: DoRA's magnitudes, and one of the head or the embeddings it may be tied to. */
function requireSeparable(path: string, { lora: { magnitudes, targets } }: ReadAdapter): void {
  const ends = targets.filter((target) => target.path === 'lm_head' || target.path === 'model.embed_tokens');
  const [what] = [...(magnitudes === true ? ['magnitudes (DoRA)'] : []), ...ends.map((target) => target.path)];
  if (what === undefined) return;
  throw badInput(
    `${path}: the base must be in float32 under an adapter with ${what}, which reads whole matrices; leave out --base-precision, or merge the adapter with preftune export`,
  );
}

/**
 * A generator with the model's own tokenizer, on a device of its own; dispose ends all of it. Throws bad-input, run-failed.
 *
 * @example
 * ```ts
 * import { openGenerator } from 'preftune';
 *
 * const generator = await openGenerator({ model: 'model.gguf', adapter: 'run/adapter' });
 * const prompt = generator.tokenizer.encode('What is a comet?');
 * const [answer] = await generator.generate([prompt], { maxNewTokens: 64, temperature: 0.7, seed: 1 });
 * console.log(answer?.text);
 * await generator.dispose();
 * ```
 */
export async function openGenerator({
  model: path,
  adapter: adapterPath,
  adapters = new Map(),
  basePrecision: precision = 'float32',
  device: name = 'cpu',
  threads,
  ...options
}: OpenGeneratorOptions): Promise<Generator & { readonly tokenizer: Tokenizer }> {
  const { files, config, tokenizer } = await openModel(path);
  try {
    const read = async (folder: string): Promise<ReadAdapter> => {
      const adapter = await readAdapter(folder, config, files.checkpoint);
      if (precision !== 'float32') requireSeparable(folder, adapter);
      return adapter;
    };
    const own = adapterPath === undefined ? undefined : await read(adapterPath);
    const named = new Map<string, ReadAdapter>();
    for (const [adapter, folder] of adapters) named.set(adapter, await read(folder));
    const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
    try {
      const { weights, constants, base } = await loadModel(device, config, files.checkpoint, {
        precision,
        purpose: 'decoding',
      });
      const plain = baseDecoder(config, precision, 'decoding');
      // One adapter is added to the weights once; several are computed beside them, and so is one of a compact matrix, which cannot be added to.
      const model = async (): Promise<EngineModel> => {
        if (own === undefined) return { decoder: plain, tokenizer, resident: weights, constants };
        const resident = new Map<string, DeviceTensor>(weights);
        for (const [weight, tensor] of own.weights)
          resident.set(weight, await device.upload(tensor, { transfer: true }));
        const way = base === undefined ? 'sum' : 'separate';
        return { decoder: withLora(plain, own.lora, { path: way }), tokenizer, resident, constants };
      };
      const first = await model();
      const engine = createEngine(device, options);
      await engine.addModel(BASE, first);
      for (const [adapter, { lora, weights: tensors }] of named) await engine.addAdapter(adapter, { lora, tensors });
      const { generate } = generatorOf(engine, first);
      return { generate, tokenizer, dispose: () => device.dispose() };
    } catch (thrown) {
      await device.dispose();
      throw thrown;
    }
  } finally {
    await files.close();
  }
}
