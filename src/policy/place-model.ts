import type { Checkpoint } from '../formats/index.ts';
import { baseDecoder, withLora, type BasePrecision, type Decoder, type ModelConfig } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { ReadAdapter } from './adapter-checkpoint.ts';
import { initialModel, type InitialWeights } from './initial-model.ts';
import type { NamedModel } from './node/open-named.ts';
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

export interface PlaceOptions {
  readonly purpose: PolicyPurpose;
  /** How the matrices of the base are kept. Default float32. */
  readonly precision?: BasePrecision | undefined;
  /** Random weights instead of the checkpoint's: matrices normal with this deviation, norms 1, biases 0. */
  readonly initialise?: InitialWeights | undefined;
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

/** What a named model is on a device. */
export function sourceOf({ opened, adapter }: Pick<NamedModel, 'opened' | 'adapter'>): PolicySource {
  return { config: opened.config, checkpoint: opened.files.checkpoint, adapter };
}

/** Puts a model on a device that is open; whether it fits has been asked. Throws as loadModel does. */
export async function placeModel(
  device: Device,
  { config, checkpoint, adapter: own }: PolicySource,
  { precision = 'float32', purpose, initialise }: PlaceOptions,
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
