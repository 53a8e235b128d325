import { badInput, type HostTensor, type Problem } from '../core/index.ts';
import {
  adaptablePaths,
  EMBEDDING_PATH,
  HEAD_PATH,
  loraAnchorSpecs,
  loraNames,
  loraParameterSpecs,
  withLora,
  type Decoder,
  type LoraConfig,
  type ModelConfig,
} from '../models/index.ts';
import { isDeviceTensor, type Device, type DeviceTensor } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { disposeAll } from './step-program.ts';

/** A model with its weights on the engine's device; a decoder with an adapter in it and that adapter's tensors will do. */
export interface EngineModel {
  readonly decoder: Decoder;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'stopIds'>;
  /** The decoder's tensors by name. They stay the caller's, and must live until the model has left. */
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  /** Compact matrices, of which programs make packed copies of their own. */
  readonly constants?: ReadonlyMap<string, DeviceTensor> | undefined;
  /** Called when the model has left and the last answer of it and its adapters has ended: gives the tensors back, if no one else reads them. */
  readonly dispose?: (() => Promise<void>) | undefined;
}

/** An adapter on a model of the engine. */
export interface EngineAdapter {
  readonly lora: LoraConfig;
  /**
   * By the names of loraParameterSpecs, and of loraAnchorSpecs for an anchored one; others are left alone. Host tensors are uploaded, and
   * given back with the adapter. Device tensors stay the caller's, who may change their values between answers and then calls
   * `refreshAdapter`.
   */
  readonly tensors: ReadonlyMap<string, HostTensor | DeviceTensor>;
  /** The model that it adapts. Default: BASE. */
  readonly model?: string | undefined;
  /**
   * separate: thin products beside the model's, no memory but the adapter's own. sum: W + scale B A in the place of each adapted W, for as many bytes
   * as these have, and steps as fast as the model's own. Default separate.
   */
  readonly path?: 'separate' | 'sum' | undefined;
}

/** The adapter's tensors as a step takes them. */
export interface PlacedAdapter {
  readonly decoder: Decoder;
  /** A, B and magnitudes on the device, scales from the host. */
  readonly weights: ReadonlyMap<string, DeviceTensor | HostTensor>;
  /** What was uploaded here. */
  readonly uploaded: readonly DeviceTensor[];
}

/** Throws bad-input with all that keeps an adapter from its model: modules that it has not, tensors that are missing or of another shape, whole matrices of a compact base. */
export function checkAdapter(name: string, { lora, tensors, path }: EngineAdapter, model: EngineModel): void {
  const { config } = model.decoder;
  const problems: Problem[] = [];
  const fail = (message: string): void => void problems.push({ message: `generate: adapter ${name} ${message}` });
  const known = new Set(adaptablePaths(config));
  const strangers = lora.targets.filter((target) => !known.has(target.path));
  for (const target of strangers)
    fail(`must adapt modules of the model, got ${target.path}; it was made for another model`);
  if (strangers.length === 0)
    for (const spec of specsOf(config, lora)) {
      const shape = tensors.get(spec.name)?.shape;
      if (shape?.join() === spec.shape.join()) continue;
      fail(`must hold ${spec.name} [${spec.shape.join(', ')}], got ${shape ? `[${shape.join(', ')}]` : 'none'}`);
    }
  if ((model.constants?.size ?? 0) > 0) {
    const ends = lora.targets.filter((target) => target.path === HEAD_PATH || target.path === EMBEDDING_PATH);
    const whole = [
      ...(path === 'sum' ? ['the path sum'] : []),
      ...(lora.magnitudes === true ? ['magnitudes (DoRA)'] : []),
      ...ends.map((target) => target.path),
    ];
    if (whole.length > 0)
      fail(
        `must not read whole matrices of a base that is kept compactly, got ${whole.join(', ')}; load the base in float32`,
      );
  }
  if (problems.length > 0) throw badInput(problems);
}

function specsOf(
  config: ModelConfig,
  lora: LoraConfig,
): { readonly name: string; readonly shape: readonly number[] }[] {
  return [...loraParameterSpecs(config, lora), ...loraAnchorSpecs(config, lora)];
}

/** Puts what is not on the device there, all of it in one turn of a device that may be busy. */
export async function placeAdapter(
  device: Device,
  { lora, tensors, path = 'separate' }: EngineAdapter,
  base: Decoder,
): Promise<PlacedAdapter> {
  const uploaded: DeviceTensor[] = [];
  const place = async (name: string): Promise<readonly [string, DeviceTensor]> => {
    const tensor = tensors.get(name)!;
    if (isDeviceTensor(tensor)) return [name, tensor];
    const placed = await device.upload(tensor, { category: 'adapters' });
    uploaded.push(placed);
    return [name, placed];
  };
  const placing = await Promise.allSettled(specsOf(base.config, lora).map(({ name }) => place(name)));
  const failed = placing.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed !== undefined) {
    await disposeAll(uploaded);
    throw failed.reason;
  }
  const placed = placing.map((one) => (one as PromiseFulfilledResult<readonly [string, DeviceTensor]>).value);
  const scales = lora.targets.map((target) => [loraNames(target.path).scale, scalarTensor(target.scale)] as const);
  return {
    decoder: withLora(base, lora, { path, scales: 'inputs' }),
    weights: new Map<string, DeviceTensor | HostTensor>([...placed, ...scales]),
    uploaded,
  };
}

function scalarTensor(value: number): HostTensor {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}
