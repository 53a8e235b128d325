import { createRandom } from '../core/index.ts';
import { parameterSpecs, type ModelConfig, type ParameterSpec } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import { residentModel, type ResidentModel } from './resident-model.ts';

/** How random weights are drawn; the deviation is config.json's initializer_range. */
export interface InitialWeights {
  readonly seed: number;
  readonly deviation: number;
}

/** A model of random weights on the device: Transformers' initial ones, matrices normal, norms such that they multiply by 1, biases 0. */
export async function initialModel(
  device: Device,
  config: ModelConfig,
  initial: InitialWeights,
): Promise<ResidentModel> {
  const weights = new Map<string, DeviceTensor>();
  for (const spec of parameterSpecs(config)) {
    const data = initialWeight(spec, { ...initial, norm: 1 - config.normOffset });
    weights.set(spec.name, await device.upload({ dtype: 'float32', shape: spec.shape, data }, { transfer: true }));
  }
  return residentModel(config, weights);
}

function initialWeight(
  { name, shape }: ParameterSpec,
  { seed, deviation, norm }: InitialWeights & { readonly norm: number },
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(shape.reduce((size, dim) => size * dim, 1));
  if (shape.length === 1) return data.fill(name.endsWith('.bias') ? 0 : norm);
  const random = createRandom(seed, `initialise ${name}`);
  for (let i = 0; i < data.length; i++) data[i] = deviation * random.nextNormal();
  return data;
}
