import { elementCount } from '../../core/index.ts';
import { rowOrder, STORED_TYPES, type GgufWriteTensor, type WritableType } from '../../formats/index.ts';
import {
  headName,
  interleavedRows,
  nameInGguf,
  normShift,
  parameterSpecs,
  type ModelConfig,
  type ParameterSpec,
} from '../../models/index.ts';
import { ropeFactors } from './gguf-config.ts';
import type { MergedModel } from '../merged-model.ts';

/** What a GGUF file may be written as, with llama.cpp's number of the file type. */
export const GGUF_FILE_TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, Q4_K_M: 15, BF16: 32 } as const;
export type GgufFileType = keyof typeof GGUF_FILE_TYPES;

/** What takes the place of a K type whose rows are no whole blocks of 256. */
const FALLBACKS: Partial<Record<WritableType, WritableType>> = { Q4_K: 'Q5_0', Q6_K: 'Q8_0' };

/**
 * The type of one tensor in a file: vectors in F32; in the quantised mixtures the head (the embedding, where it is the head too) in Q6_K, and in
 * Q4_K_M also the values and the down projections of the first and last eighth of the layers and of every third between. Rows that are
 * no whole blocks fall back to Q5_0 and Q8_0, and at last to F16.
 *
 * Source: llama.cpp's llama_tensor_get_type and its fallbacks, for models without experts and below 80 layers.
 */
export function tensorType({ name, shape }: ParameterSpec, fileType: GgufFileType, config: ModelConfig): WritableType {
  if (shape.length < 2) return 'F32';
  if (fileType === 'F32' || fileType === 'F16' || fileType === 'BF16') return fileType;
  const wanted = quantisedType(name, fileType, config);
  const fits = (type: WritableType): boolean => shape.at(-1)! % STORED_TYPES[type].elementsPerBlock === 0;
  if (fits(wanted)) return wanted;
  const other = FALLBACKS[wanted];
  return other !== undefined && fits(other) ? other : 'F16';
}

function quantisedType(name: string, fileType: 'Q8_0' | 'Q4_0' | 'Q4_K_M', config: ModelConfig): WritableType {
  if (fileType === 'Q8_0') return 'Q8_0';
  if (name === headName(config)) return 'Q6_K';
  if (fileType === 'Q4_0') return 'Q4_0';
  const [, layer, module] = /^model\.layers\.(\d+)\..*\.(\w+)\.weight$/.exec(name) ?? [];
  // llama.cpp has Q5_K for it, which is not written here.
  if (module === 'qkv_proj') return 'Q6_K';
  const hasMoreBits = module === 'v_proj' || module === 'down_proj';
  return hasMoreBits && usesMoreBits(Number(layer), config.layers) ? 'Q6_K' : 'Q4_K';
}

function usesMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

/** Heads whose rows llama.cpp wants interleaved for its rope. */
export function interleavedHeads(name: string, config: ModelConfig): number | undefined {
  const rows = interleavedRows(config.family, name);
  if (rows === undefined) return undefined;
  return rows === 'queries' ? config.heads : config.keyValueHeads;
}

/** Rows of a Hugging Face projection in the order of the file. */
export function interleaveRows(values: Float32Array, rows: number, heads: number | undefined): Float32Array {
  if (heads === undefined) return values;
  const columns = values.length / rows;
  const stored = new Float32Array(values.length);
  rowOrder(rows, heads).forEach((from, to) => {
    stored.set(values.subarray(from * columns, (from + 1) * columns), to * columns);
  });
  return stored;
}

/** Every tensor of a model's GGUF file, read and turned when its turn comes. */
export function ggufTensors(model: MergedModel, fileType: GgufFileType): GgufWriteTensor[] {
  const { config, checkpoint } = model;
  const specs = parameterSpecs(config);
  // llama.cpp's own order: what is not in a layer first.
  const outside = specs.filter(({ name }) => !name.startsWith('model.layers.'));
  const within = specs.filter(({ name }) => name.startsWith('model.layers.'));
  const tensors = [...outside, ...within].map((spec): GgufWriteTensor => ({
    name: nameInGguf(config.family, spec.name)!,
    shape: spec.shape,
    type: tensorType(spec, fileType, config),
    read: async () => {
      const values = await checkpoint.readFloat32(spec.name);
      const shift = normShift(config.family, spec.name);
      const shifted = shift === 0 ? values : values.map((value) => value + shift);
      return interleaveRows(shifted, spec.shape[0]!, interleavedHeads(spec.name, config));
    },
  }));
  return [...ropeFactors(model), ...tensors];
}

/** Which types a file mixes, with their share of the weights: `Q5_0 78 %, Q6_K 19 %`. */
export function mixtureText(tensors: readonly GgufWriteTensor[]): string {
  const counts = new Map<string, number>();
  for (const { type, shape } of tensors) counts.set(type, (counts.get(type) ?? 0) + elementCount(shape));
  const total = [...counts.values()].reduce((sum, one) => sum + one, 0);
  const shares = [...counts].toSorted(([, a], [, b]) => b - a).filter(([, one]) => one / total >= 0.005);
  return shares.map(([type, one]) => `${type} ${Math.round((100 * one) / total)} %`).join(', ');
}
