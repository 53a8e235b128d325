import { createRandom, type HostTensor } from '../core/index.ts';
import type { Checkpoint } from '../formats/index.ts';
import { graph } from '../graph/index.ts';
import {
  initialiseLora,
  loraNames,
  loraParameterSpecs,
  moduleShape,
  moduleWeightName,
  orthogonalFactors,
  singularFactors,
  startingMagnitudes,
  type Decoder,
  type LoraFactors,
  type LoraTarget,
  type ModelConfig,
} from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { Adapter } from './adapter-config.ts';

/** A randomised decomposition; without it the exact one. */
interface Randomised {
  readonly iterations: number;
  readonly seed: number;
}

interface StartOptions {
  readonly config: ModelConfig;
  readonly adapter: Adapter;
  readonly base: Checkpoint;
  readonly randomised?: Randomised | undefined;
}

async function factorsOf(
  { path, rank, scale }: LoraTarget,
  { config, adapter, base, randomised }: StartOptions,
): Promise<LoraFactors> {
  const [rows, columns] = moduleShape(config, path);
  const weight = { rows, columns, data: await base.readFloat32(moduleWeightName(config, path)) };
  if (adapter.start === 'orthogonal') return orthogonalFactors(weight, { rank, scale });
  if (randomised === undefined) return singularFactors(weight, { rank, scale });
  const { iterations, seed } = randomised;
  return singularFactors(weight, {
    rank,
    scale,
    randomised: { iterations, random: createRandom(seed, `pissa ${path}`) },
  });
}

/** A0 and B0 of an anchored adapter, made of the weights of the model; nothing for others. */
export async function anchorTensors(options: StartOptions): Promise<Map<string, HostTensor<'float32'>>> {
  const tensors = new Map<string, HostTensor<'float32'>>();
  const { config, adapter } = options;
  if (adapter.lora.anchored !== true) return tensors;
  for (const target of adapter.lora.targets) {
    const { a, b } = await factorsOf(target, options);
    const { anchorA, anchorB } = loraNames(target.path);
    const [out, into] = moduleShape(config, target.path);
    tensors.set(anchorA, { dtype: 'float32', shape: [target.rank, into], data: a });
    tensors.set(anchorB, { dtype: 'float32', shape: [out, target.rank], data: b });
  }
  return tensors;
}

/** What a new adapter starts from, all tensors by name; magnitudes follow when the rest is on the device. */
export async function startTensors(
  options: StartOptions & { readonly seed: number },
): Promise<Map<string, HostTensor<'float32'>>> {
  const { config, adapter, seed } = options;
  const specs = loraParameterSpecs(config, adapter.lora);
  const values = initialiseLora(specs, createRandom(seed, 'lora'));
  const anchors = await anchorTensors(options);
  const tensors = new Map(
    specs.map(({ name, shape }) => [name, { dtype: 'float32', shape, data: values.get(name)! } as const]),
  );
  for (const { path } of anchors.size > 0 ? adapter.lora.targets : []) {
    const { a, b, anchorA, anchorB } = loraNames(path);
    for (const [name, anchor] of [
      [a, anchors.get(anchorA)!],
      [b, anchors.get(anchorB)!],
    ] as const)
      tensors.set(name, { ...anchor, data: anchor.data.slice() as Float32Array<ArrayBuffer> });
  }
  return new Map([...tensors, ...anchors]);
}

/**
 * Sets the magnitudes of a new adapter to the lengths that leave the model as it is. They are computed on the device as its forward pass computes
 * them, so that the first step starts from the reference to the last bit.
 */
export async function setMagnitudes(
  device: Device,
  decoder: Decoder,
  { adapter, resident }: { readonly adapter: Adapter; readonly resident: ReadonlyMap<string, DeviceTensor> },
): Promise<void> {
  const program = await device.compile(graph(startingMagnitudes(decoder, adapter.lora)), { label: 'magnitudes' });
  const inputs = program.inputs.map(({ name }) => [name, resident.get(name)!] as const);
  const magnitudes = await program.run(Object.fromEntries(inputs));
  for (const [name, value] of Object.entries(magnitudes)) await resident.get(name)!.write(value as HostTensor);
  await program.dispose();
}
