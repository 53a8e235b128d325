import { badInput } from '../../../core/index.ts';
import { BASE, createEngine, type Engine } from '../../../generate/index.ts';
import { vocabularyOf, type Vocabulary } from '../../../grammar/index.ts';
import { positionLimit, type DecodingPrecision, type ModelConfig } from '../../../models/index.ts';
import {
  openModelAndAdapter,
  openPolicy,
  parseAdapterName,
  parseModelName,
  readNamedAdapter,
  trainedAsking,
  weightsFingerprint,
  type NamedModel,
  type ReadAdapter,
  type ResolveModel,
  type TrainedAsking,
} from '../../../policy/index.ts';
import type { DeviceName } from '../../../runtime/index.ts';
import { probeTemplate, type TemplateTraits } from '../../../tools/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import { createPromptReader, type PromptReader } from './prompts.ts';
import { createResponseFormats, type ResponseFormats } from './response-format.ts';

export interface OwnEngineOptions {
  /** By any of its names: a folder, a .gguf file, MODEL+ADAPTER, RUN, RUN@step-N. */
  readonly model: string;
  readonly basePrecision: DecodingPrecision;
  readonly device: DeviceName;
  readonly threads?: number | undefined;
  readonly batchSize: number;
  readonly maxWaiting: number;
  readonly templateSeconds: number;
  readonly templateTime?: string | undefined;
  readonly resolve: ResolveModel;
}

/** A model whose files were read and checked, not yet on a device. */
export interface CheckedModel {
  readonly named: NamedModel;
  /** Puts it on a device. Throws run-failed where it does not fit into memory. */
  load(): Promise<OwnEngine>;
}

/** What answers for an adapter, or for the model alone. */
export interface Responder {
  /** The engine's name of the adapter; undefined for the model alone. */
  readonly adapter: string | undefined;
  readonly digest: string;
  /** What an operator should know of it. */
  readonly notes: readonly string[];
}

/** A model on a device with its engine, its tokenizer, and what reads prompts for it. */
export interface OwnEngine {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  /** Positions of prompt and answer together. */
  readonly maxTokens: number;
  readonly prompts: PromptReader;
  /** What the chat template does with tools and thoughts; undefined where there is none. */
  readonly traits: TemplateTraits | undefined;
  /** What of each token is text, for constraints and log-probabilities; undefined where no token ends an answer. */
  readonly vocabulary: Vocabulary | undefined;
  readonly formats: ResponseFormats;
  /** The model without any adapter. */
  readonly base: Responder;
  /** The adapter that the model's own name says; undefined where it says none. */
  readonly own: Responder | undefined;
  /** Reads an adapter and puts it on the device. Throws bad-input for one that does not fit. */
  addAdapter(path: string): Promise<Responder>;
  /** Takes it away when its last answer has ended. */
  removeAdapter(responder: Responder): Promise<void>;
  dispose(): Promise<void>;
}

/** Reads and checks a model by its name. Throws bad-input with every problem. */
export async function checkModel(options: OwnEngineOptions): Promise<CheckedModel> {
  const { resolve, templateTime } = options;
  const named = await openModelAndAdapter({ model: options.model }, { resolve, templateTime });
  return { named, load: () => loadEngine(named, options) };
}

async function loadEngine(named: NamedModel, options: OwnEngineOptions): Promise<OwnEngine> {
  const { opened, name } = named;
  const { config, tokenizer, files } = opened;
  const { basePrecision: precision, device, threads, templateTime } = options;
  let served = 0;
  const policy = await openPolicy(
    { config, checkpoint: files.checkpoint },
    {
      purpose: 'decoding',
      precision,
      device,
      threads,
      adapters: named.adapter === undefined ? [] : [named.adapter],
    },
  );
  try {
    const engine = createEngine(policy.device, { maxRows: options.batchSize, maxWaiting: options.maxWaiting });
    const { resident, constants } = policy;
    await engine.addModel(BASE, { decoder: policy.base, tokenizer, resident, constants });
    const prompts = createPromptReader({
      location: files.location,
      templateTime,
      asksTime: tokenizer.chatTemplate?.clock !== undefined,
      timeoutMs: options.templateSeconds * 1000,
    });
    const { checkpoint } = files;
    const add = async (adapter: ReadAdapter, notes: readonly string[]): Promise<Responder> => {
      const internalName = `adapter ${++served}`;
      await engine.addAdapter(internalName, { lora: adapter.lora, tensors: adapter.weights });
      return { adapter: internalName, digest: await weightsFingerprint(checkpoint, adapter), notes };
    };
    const withoutAdapter = { ...name, adapter: undefined };
    const base: Responder = {
      adapter: undefined,
      digest: await weightsFingerprint(checkpoint, undefined),
      notes: [...(opened.notes ?? []), ...askingNotes(trainedAsking(withoutAdapter, opened), tokenizer)],
    };
    const own =
      named.adapter === undefined
        ? undefined
        : await add(named.adapter, [...(opened.notes ?? []), ...askingNotes(trainedAsking(name, opened), tokenizer)]);
    const traits =
      tokenizer.chatTemplate &&
      probeTemplate(
        tokenizer.chatTemplate,
        tokenizer.addedTokens.map(({ content }) => content),
      );
    // Made now, since no request should wait for it.
    const vocabulary = tokenizer.stopIds.length === 0 ? undefined : vocabularyOf(tokenizer, config.vocabularySize);
    return {
      engine,
      tokenizer,
      config,
      maxTokens: positionLimit(config),
      prompts,
      traits,
      vocabulary,
      formats: createResponseFormats(tokenizer, traits),
      base,
      own,
      addAdapter: async (path) => {
        const adapterName = parseAdapterName(path);
        const adapter = await readNamedAdapter(adapterName, config, checkpoint);
        const trained = trainedAsking({ ...withoutAdapter, adapter: adapterName }, opened);
        return add(adapter, [...(adapterName.notes ?? []), ...askingNotes(trained, tokenizer)]);
      },
      removeAdapter: async ({ adapter }) => {
        if (adapter === undefined) throw badInput('serve: the model itself is no adapter');
        await engine.removeAdapter(adapter);
      },
      dispose: async () => {
        await prompts.dispose();
        await engine.dispose();
        await policy.dispose();
        await named.close();
      },
    };
  } catch (thrown) {
    await policy.dispose();
    throw thrown;
  }
}

/** Chats go through the template, whatever the model was trained on. */
function askingNotes(trained: TrainedAsking | undefined, { chatTemplate }: Tokenizer): string[] {
  if (trained?.asked !== 'raw' || chatTemplate === undefined) return [];
  return [
    `${trained.by} was trained on texts as they stand: ask it by POST /v1/completions; chats go through the template, and it may answer otherwise than it was trained to`,
  ];
}

/** How a model may be called where nobody gave it a name: the last part of its path, without what names files have. */
export function usualName(model: string): string {
  const { model: path, run } = parseModelName(model);
  const last = (run ?? path).replaceAll('\\', '/').split('/').filter(Boolean).at(-1) ?? 'model';
  return last.replace(/\.gguf$/i, '').replaceAll(/[^A-Za-z0-9._-]/g, '-') || 'model';
}
