import type { Checkpoint } from '../formats/index.ts';
import { baseDecoder, withLora, type BasePrecision, type Decoder, type ModelConfig } from '../models/index.ts';
import { openDevice, type Device, type DeviceName, type DeviceTensor } from '../runtime/index.ts';
import type { ReadAdapter } from './adapter-files.ts';
import { requireMemory, requireUseMemory, type MemoryParts, type UsePlan } from './memory.ts';
import type { NamedModel } from './naming/open-named.ts';
import { initialModel, type InitialWeights } from './initial-model.ts';
import { loadModel, type ResidentModel } from './resident-model.ts';

/** What is put on a device: weights, and an adapter beside them. */
export interface PolicySource {
  readonly config: ModelConfig;
  readonly checkpoint: Checkpoint;
  readonly adapter?: AdapterTensors | undefined;
}

export type AdapterTensors = Pick<ReadAdapter, 'lora' | 'weights'>;

/** What a model is on the device for: to be trained, to score given answers, to draw answers, or to do both with one copy of the weights. */
export type PolicyPurpose = 'training' | 'scoring' | 'decoding' | 'both';

export interface OpenPolicyOptions {
  readonly purpose: PolicyPurpose;
  /** How the matrices of the base are kept. Default float32. */
  readonly precision?: BasePrecision | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  /** Tokens scored at a time; they decide what vocabulary scores take. Default 512. */
  readonly microBatchTokens?: number | undefined;
  /** Other adapters that are put on it later; they count. */
  readonly adapters?: readonly AdapterTensors[];
  /** Another model that is placed beside it later; it counts. */
  readonly reference?: PolicySource | undefined;
  /** What must fit into memory, each by itself; default: what a model holds that is asked. Training has gradients and an optimizer beside it, and says so here. */
  readonly needs?: readonly MemoryParts[];
  /** Random weights instead of the checkpoint's: matrices normal with this deviation, norms 1, biases 0. */
  readonly initialise?: InitialWeights | undefined;
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
}

/** A model on a device, with its adapter and without. */
export interface PlacedModel {
  readonly model: ResidentModel;
  /** The model without its adapter; its tensors are those of `model`. */
  readonly base: Decoder;
  /** With the adapter, computed as training does: beside the weights. */
  readonly decoder: Decoder;
  /** The same for decoding: the adapter is put into the weights, which many tokens then read, unless they are kept compactly. */
  readonly decoding: Decoder;
  /** The tensors of both by name, the base's among them. */
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  /** What programs take as constants of their session; see ResidentModel. */
  readonly constants: ReadonlyMap<string, DeviceTensor>;
  /** The adapter's tensors alone. */
  readonly adapter: ReadonlyMap<string, DeviceTensor>;
  /** Gives back the memory of the weights and of the adapter. */
  dispose(): Promise<void>;
}

/** A model in use. */
export interface OpenedPolicy extends PlacedModel {
  readonly device: Device;
  /** Puts another model beside it, in float32. */
  place(source: PolicySource): Promise<PlacedModel>;
  /** Ends the device with everything on it. */
  dispose(): Promise<void>;
}

const MICRO_BATCH_TOKENS = 512;

/**
 * Opens a device and puts a model with its adapter on it. Throws run-failed before anything is loaded when it does not fit into memory, with its
 * parts; bad-input for weights that do not fit the configuration; bad-usage for a precision that the device does not compute.
 */
export async function openPolicy(source: PolicySource, options: OpenPolicyOptions): Promise<OpenedPolicy> {
  const { precision = 'float32', purpose, device: name = 'cpu', threads, needs, initialise } = options;
  const available = options.availableBytes?.();
  if (needs === undefined) requireUseMemory(usePlanOf(source, options), available);
  else for (const parts of needs) requireMemory(parts, available);
  const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
  try {
    const placed = await placeModel(device, source, { precision, purpose, initialise });
    const place = (other: PolicySource): Promise<PlacedModel> =>
      placeModel(device, other, { precision: 'float32', purpose });
    return { ...placed, device, place, dispose: () => device.dispose() };
  } catch (thrown) {
    await device.dispose();
    throw thrown;
  }
}

function usePlanOf({ config, adapter }: PolicySource, options: OpenPolicyOptions): UsePlan {
  const { purpose, precision = 'float32', microBatchTokens = MICRO_BATCH_TOKENS, reference, adapters = [] } = options;
  const all = adapter === undefined ? adapters : [adapter, ...adapters];
  const isDecoding = purpose === 'decoding' || purpose === 'both';
  return {
    config,
    precision,
    purpose: purpose === 'training' ? 'scoring' : purpose,
    microBatchTokens,
    adapters: all.map(({ lora }) => lora),
    foldsAdapter: isDecoding && precision === 'float32' && adapters.length === 0,
    reference: reference && {
      config: reference.config,
      adapters: reference.adapter === undefined ? [] : [reference.adapter.lora],
    },
  };
}

/** What a named model is on a device. */
export function sourceOf({ opened, adapter }: Pick<NamedModel, 'opened' | 'adapter'>): PolicySource {
  return { config: opened.config, checkpoint: opened.files.checkpoint, adapter };
}

/** Puts a model on a device that is open; whether it fits has been asked. Throws as loadModel does. */
export async function placeModel(
  device: Device,
  { config, checkpoint, adapter: own }: PolicySource,
  { precision = 'float32', purpose, initialise }: Pick<OpenPolicyOptions, 'precision' | 'purpose' | 'initialise'>,
): Promise<PlacedModel> {
  const kept = purpose === 'decoding' ? 'decoding' : 'training';
  const model = await (initialise === undefined
    ? loadModel(device, config, checkpoint, { precision, purpose: kept })
    : initialModel(device, config, initialise));
  const base = baseDecoder(config, precision, kept);
  const adapter = new Map<string, DeviceTensor>();
  for (const [name, tensor] of own?.weights ?? []) adapter.set(name, await device.upload(tensor));
  const decoder = own === undefined ? base : withLora(base, own.lora, { path: 'separate' });
  const isFolded = own !== undefined && precision === 'float32';
  return {
    model,
    base,
    decoder,
    decoding: isFolded ? withLora(base, own.lora, { path: 'sum' }) : decoder,
    resident: new Map([...model.weights, ...adapter]),
    constants: model.constants,
    adapter,
    dispose: async () => {
      for (const tensor of adapter.values()) await tensor.dispose();
      await model.dispose();
    },
  };
}
