import { badInput } from '../core/index.ts';
import type { DecodingPrecision } from '../models/index.ts';
import {
  adapterText,
  openModelAndAdapter,
  openPolicy,
  parseAdapterName,
  parseModelName,
  readNamedAdapter,
  requireClock,
  sourceOf,
  trainedAsking,
  trainedTimeNote,
  type ModelName,
  type ReadAdapter,
  type ResolveModel,
  type TrainedAsking,
} from '../policy/index.ts';
import type { DeviceName } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createEngine } from './engine.ts';
import type { EngineModel } from './engine-model.ts';
import { generatorOf, type Generator } from './generator.ts';
import { BASE } from './registry.ts';

export interface OpenGeneratorOptions {
  /** By any of its names: a folder, a .gguf file, MODEL+ADAPTER, RUN, RUN@step-N; see ModelName. */
  readonly model: string;
  /** An adapter on it, for every prompt: a PEFT folder, RUN, RUN@step-N. */
  readonly adapter?: string | undefined;
  /** Adapters by the names that prompts give, instead of `adapter`; they share the weights of the base. */
  readonly adapters?: ReadonlyMap<string, string> | undefined;
  /** Turns a folder, .gguf file or hub id into a path on this computer. Default: it is one. */
  readonly resolve?: ResolveModel | undefined;
  /** What chat templates are told, a local time in ISO 8601. Default: now. */
  readonly templateTime?: string | undefined;
  /** How the matrices of the base are kept; others than float32 need the cpu, and an adapter on them is computed apart. Default float32. */
  readonly basePrecision?: DecodingPrecision | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
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

function partsOf({ adapter, checkpoint }: ModelName): string[] {
  return [
    ...(checkpoint === undefined ? [] : [checkpoint.path]),
    ...(adapter === undefined ? [] : [adapterText(adapter)]),
  ];
}

/** A generator with the model's own tokenizer; dispose ends its device. */
export interface OpenedGenerator extends Generator {
  readonly tokenizer: Tokenizer;
  /** Where the model's files are on this computer; behind them what of an adapter or a checkpoint the name of the model says. */
  readonly location: string;
  /** How the model was trained to be asked, or the one of `adapters` with this name; undefined where nothing says it. */
  readonly trained: (adapter?: string) => TrainedAsking | undefined;
  /** What a user should know before trusting the answers: which checkpoint was taken, that the chat template prints another day than in training. */
  readonly notes: readonly string[];
}

/**
 * A generator with the model's own tokenizer, on a device of its own; dispose ends all of it. Throws bad-input, bad-usage, and run-failed where it does not fit
 * into memory.
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
  model,
  adapter,
  adapters = new Map(),
  resolve,
  templateTime,
  basePrecision: precision = 'float32',
  device,
  threads,
  availableBytes,
  ...options
}: OpenGeneratorOptions): Promise<OpenedGenerator> {
  const named = await openModelAndAdapter({ model, adapter }, { resolve, templateTime });
  const { tokenizer, config, files } = named.opened;
  try {
    requireClock(templateTime, [{ name: model, tokenizer }]);
    if (named.adapter !== undefined && precision !== 'float32') requireSeparable(adapter ?? model, named.adapter);
    const others = new Map<string, ReadAdapter>();
    const asking = new Map<string | undefined, TrainedAsking | undefined>([
      [undefined, trainedAsking(named.name, named.opened)],
    ]);
    for (const [name, text] of adapters) {
      const adapterName = parseAdapterName(text);
      const one = await readNamedAdapter(adapterName, config, files.checkpoint);
      asking.set(name, trainedAsking({ ...named.name, adapter: adapterName }, named.opened));
      if (precision !== 'float32') requireSeparable(text, one);
      others.set(name, one);
    }
    const policy = await openPolicy(sourceOf(named), {
      purpose: 'decoding',
      precision,
      device,
      threads,
      availableBytes,
      adapters: [...others.values()],
    });
    try {
      // One adapter is added to the weights once; several are computed beside them.
      const { decoding: decoder, resident, constants } = policy;
      const own: EngineModel = { decoder, tokenizer, resident, constants };
      const engine = createEngine(policy.device, options);
      await engine.addModel(BASE, own);
      for (const [name, { lora, weights: tensors }] of others) await engine.addAdapter(name, { lora, tensors });
      const { generate } = generatorOf(engine, own);
      const location = [files.location, ...partsOf(parseModelName(model))].join('+');
      const trained = trainedTimeNote(named.name, tokenizer);
      const notes = [...(named.opened.notes ?? []), ...(trained === undefined ? [] : [trained])];
      return {
        generate,
        tokenizer,
        location,
        notes,
        trained: (name) => asking.get(name),
        dispose: () => policy.dispose(),
      };
    } catch (thrown) {
      await policy.dispose();
      throw thrown;
    }
  } finally {
    await named.close();
  }
}
