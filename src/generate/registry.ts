import { badInput } from '../core/index.ts';
import type { Device } from '../runtime/index.ts';
import { checkAdapter, placeAdapter, type EngineAdapter, type EngineModel } from './engine-model.ts';
import type { Responder, ResponderFactory } from './responder.ts';
import { createCounted, type Counted } from './sharing.ts';
import { stepGraph } from './step-graph.ts';
import { adapterShape, graphKey } from './step-key.ts';
import { bytesOnDevice, disposeAll } from './step-program.ts';

/** The name of the model for requests and adapters that name none. */
export const BASE = '';

/** What a request names. */
export interface ResponderName {
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
}

export interface AddOptions {
  /** Takes the place of what has the name; answers of that are given to their end. Default false: the name must be free. */
  readonly replaces?: boolean | undefined;
}

/** The models of an engine and their adapters, by name. Whatever goes in or out is told at once; only then the device works. */
export interface Registry {
  /** Throws bad-input for names that are not there. */
  find(name: ResponderName): Responder;
  addModel(name: string, model: EngineModel, options?: AddOptions): Promise<void>;
  /** With its adapters. Resolves when their last answers have ended and the memory is given back. */
  removeModel(name: string): Promise<void>;
  addAdapter(name: string, adapter: EngineAdapter, options?: AddOptions): Promise<void>;
  removeAdapter(name: string, model?: string): Promise<void>;
  /** The model, then its adapters. */
  withAdapters(name: string): readonly Responder[];
  dispose(): Promise<void>;
}

interface ModelEntry {
  readonly model: EngineModel;
  readonly programKey: string;
  readonly responder: Responder;
  readonly adapters: Map<string, Responder>;
  /** Held by the model's responder and by each of its adapters: with the last of them the tensors are given back. */
  readonly tensors: Counted;
}

export function createRegistry(device: Device, factory: ResponderFactory): Registry {
  const models = new Map<string, ModelEntry>();
  /** What is being added, by its name. */
  const claims = new Map<string, Promise<void>>();
  let opened = 0;
  let isDisposed = false;

  const entryOf = (name: string): ModelEntry => {
    const entry = models.get(name);
    if (entry !== undefined) return entry;
    throw badInput(`generate: ${stranger('model', name, [...models.keys()])}`);
  };

  const adapterOf = (entry: ModelEntry, name: string): Responder => {
    const responder = entry.adapters.get(name);
    if (responder !== undefined) return responder;
    throw badInput(`generate: ${stranger('adapter', name, [...entry.adapters.keys()])}`);
  };

  /** Does the work that adds something under a name, which no one else adds meanwhile. */
  const claimed = async (what: string, isTaken: boolean, work: () => Promise<void>): Promise<void> => {
    if (isDisposed) throw badInput(`generate: the engine must not be disposed yet, got ${what} after its end`);
    if (claims.has(what) || isTaken)
      throw badInput(
        `generate: what is added must have a name of its own, got ${what}, which is ${claims.has(what) ? 'being added' : 'there'}; remove that first, or add with replaces`,
      );
    const adding = work().finally(() => claims.delete(what));
    claims.set(what, adding);
    await adding;
  };

  const leaveAll = (entry: ModelEntry): Promise<void> =>
    settleAll([
      entry.responder.leave(),
      ...[...entry.adapters.values()].map((adapter) => adapter.leave()),
      entry.tensors.ended,
    ]);

  const addModel = async (name: string, model: EngineModel): Promise<void> => {
    const { decoder, tokenizer, resident, constants } = model;
    const tensors = createCounted(async () => model.dispose?.());
    const source = stepGraph(decoder);
    // A program with constants has this model's matrices in it.
    const isAlone = (constants?.size ?? 0) > 0;
    const programKey = `${graphKey(source)}${isAlone ? ` ${++opened}` : ''}`;
    const responder = await factory.open({
      model: name,
      decoder,
      tokenizer,
      programKey,
      source: () => source,
      weights: resident,
      constants,
      ownBytes: bytesOnDevice(resident) + bytesOnDevice(constants ?? new Map()),
      free: tensors.release,
    });
    const old = models.get(name);
    models.set(name, { model, programKey, responder, adapters: new Map(), tensors });
    if (old !== undefined) void leaveAll(old).catch(() => undefined);
  };

  const addAdapter = async (name: string, adapter: EngineAdapter, modelName: string): Promise<void> => {
    const entry = entryOf(modelName);
    const { decoder: base, tokenizer, resident, constants } = entry.model;
    entry.tensors.hold();
    const { decoder, weights, uploaded } = await placeAdapter(device, adapter, base).catch(async (error: unknown) => {
      await entry.tensors.release();
      throw error;
    });
    const free = async (): Promise<void> => {
      await disposeAll(uploaded);
      await entry.tensors.release();
    };
    const responder = await factory
      .open({
        model: modelName,
        adapter: name,
        decoder,
        tokenizer,
        programKey: `${entry.programKey} ${adapter.path ?? 'separate'} ${adapterShape(adapter.lora)}`,
        source: () => stepGraph(decoder),
        weights: new Map([...resident, ...weights]),
        constants,
        ownBytes: bytesOnDevice(weights),
        free,
      })
      .catch(async (error: unknown) => {
        await free();
        throw error;
      });
    if (models.get(modelName) !== entry) {
      await responder.leave();
      throw badInput(
        `generate: the model of an adapter must stay while that is added, ${shown(modelName)} was removed`,
      );
    }
    const old = entry.adapters.get(name);
    entry.adapters.set(name, responder);
    if (old !== undefined) void old.leave().catch(() => undefined);
  };

  const removeModel = (name: string): Promise<void> => {
    const entry = entryOf(name);
    models.delete(name);
    return leaveAll(entry);
  };

  return {
    find: ({ model = BASE, adapter }) => {
      const entry = entryOf(model);
      return adapter === undefined ? entry.responder : adapterOf(entry, adapter);
    },
    addModel: (name, model, { replaces = false } = {}) =>
      claimed(`model ${shown(name)}`, models.has(name) && !replaces, () => addModel(name, model)),
    removeModel: async (name) => removeModel(name),
    addAdapter: async (name, adapter, { replaces = false } = {}) => {
      const { model = BASE } = adapter;
      const entry = entryOf(model);
      checkAdapter(name, adapter, entry.model);
      const what = model === BASE ? `adapter ${name}` : `adapter ${name} of model ${model}`;
      await claimed(what, entry.adapters.has(name) && !replaces, () => addAdapter(name, adapter, model));
    },
    removeAdapter: async (name, model = BASE) => {
      const entry = entryOf(model);
      const responder = adapterOf(entry, name);
      entry.adapters.delete(name);
      return responder.leave();
    },
    withAdapters: (name) => {
      const entry = entryOf(name);
      return [entry.responder, ...entry.adapters.values()];
    },
    dispose: async () => {
      isDisposed = true;
      await Promise.allSettled(claims.values());
      await settleAll([...models.keys()].map((name) => removeModel(name)));
    },
  };
}

function shown(name: string): string {
  return name === BASE ? 'the base' : name;
}

function stranger(what: string, name: string, known: readonly string[]): string {
  const names = known.filter((other) => other !== BASE);
  const there = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
  return `the ${what} must be one of the engine's, got ${shown(name)}; ${there}`;
}

/** Waits for all, then throws what the first that failed throws. */
async function settleAll(works: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(works);
  const failed = settled.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed !== undefined) throw failed.reason;
}
