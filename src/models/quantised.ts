import { BYTES_PER_ELEMENT, elementCount, internal } from '../core/index.ts';
import { BLOCK_WIDTH, frozenMatmul, input, type Node, type WeightStorage } from '../graph/index.ts';
import type { ModelConfig } from './config.ts';
import { addBias, plainDecoder, weightInputs, type Decoder } from './decoder.ts';
import { parameterSpecs, PROJECTIONS, projectionShape, type ParameterSpec, type Projection } from './parameters.ts';

/** In what the matrices of a frozen base's projections are kept. Embeddings, head, norms and biases are float32 always. */
export const BASE_PRECISIONS = ['float32', 'float16', 'int8', 'int4'] as const satisfies readonly (
  | 'float32'
  | WeightStorage
)[];
export type BasePrecision = (typeof BASE_PRECISIONS)[number];

const PROJECTION_WEIGHT = /\.(\w+)\.weight$/;

/** The projection whose matrix a weight is, if it is one. */
export function projectionOf({ name, shape }: ParameterSpec): Projection | undefined {
  const last = PROJECTION_WEIGHT.exec(name)?.[1];
  return shape.length === 2 && (PROJECTIONS as readonly string[]).includes(last ?? '')
    ? (last as Projection)
    : undefined;
}

/** Names of the tensors that hold the matrix of the projection at `path`, in the order of frozenMatmul's inputs. */
export function storedNames(path: string, storage: WeightStorage): string[] {
  const stored = `${path}.weight.${storage}`;
  return storage === 'float16' ? [stored] : [stored, `${stored}.scale`];
}

function storedInputs(path: string, storage: WeightStorage, [n, k]: readonly [number, number]): Node[] {
  const [stored, scale] = storedNames(path, storage) as [string, string];
  if (storage === 'float16') return [input(stored, [n, k], 'float16')];
  if (storage === 'int8') return [input(stored, [n, k], 'int8'), input(scale, [n])];
  const blocks = Math.ceil(k / BLOCK_WIDTH);
  return [input(stored, [n, blocks, BLOCK_WIDTH / 2], 'uint8'), input(scale, [n, blocks])];
}

/**
 * The model with its projections' matrices kept in `precision`: y = x W^T + bias with the stored W. Gradients flow to x, and to
 * nothing of the base. In float32 it is plainDecoder.
 */
export function baseDecoder(config: ModelConfig, precision: BasePrecision): Decoder {
  if (precision === 'float32') return plainDecoder(config);
  const others = weightInputs(config);
  const compact = new Set(
    parameterSpecs(config)
      .filter((spec) => projectionOf(spec) !== undefined)
      .map(({ name }) => name),
  );
  const stored = new Map<string, Node[]>();
  const weights = (name: string): Node => {
    if (compact.has(name)) throw internal(`${name} is kept in ${precision}: only its product reads it`);
    return others(name);
  };
  const project = (x: Node, path: string): Node => {
    const shape = projectionShape(config, path.slice(path.lastIndexOf('.') + 1) as Projection);
    const parts = stored.get(path) ?? storedInputs(path, precision, shape);
    stored.set(path, parts);
    const y = frozenMatmul(x, parts, { storage: precision, columns: shape[1], transposeB: true });
    return addBias(y, { config, weights, path });
  };
  return { config, weights, project };
}

/** Bytes of a base whose projections are kept in `precision`, everything else in float32. */
export function baseBytes(config: ModelConfig, precision: BasePrecision): number {
  return parameterSpecs(config).reduce((sum, spec) => {
    const count = elementCount(spec.shape);
    if (precision === 'float32' || projectionOf(spec) === undefined) return sum + BYTES_PER_ELEMENT.float32 * count;
    const [n, k] = spec.shape as readonly [number, number];
    if (precision === 'float16') return sum + BYTES_PER_ELEMENT.float16 * count;
    if (precision === 'int8') return sum + count + BYTES_PER_ELEMENT.float32 * n;
    return sum + n * Math.ceil(k / BLOCK_WIDTH) * (BLOCK_WIDTH / 2 + BYTES_PER_ELEMENT.float32);
  }, 0);
}
