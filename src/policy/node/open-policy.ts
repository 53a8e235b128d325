import { openDevice, type Device, type DeviceName } from '../../runtime/index.ts';
import { requireMemory, requireUseMemory, type MemoryParts, type UsePlan } from '../memory.ts';
import { availableBytes } from './available-bytes.ts';
import {
  placeModel,
  type AdapterTensors,
  type PlacedModel,
  type PlaceOptions,
  type PolicySource,
} from '../place-model.ts';

export interface OpenPolicyOptions extends PlaceOptions {
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
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
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
  const available = (options.availableBytes ?? availableBytes)();
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
