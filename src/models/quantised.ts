/*
 * A frozen base whose matrices are kept compactly.
 *
 * To train: baseDecoder(config, precision) over loadModel(device, config, checkpoint, precision). To decode, where one token a row is read and
 * the head is a third of all bytes: both with the purpose 'decoding'; the tensors of `model.constants` then go to
 * device.compile({ constants }) and not to `run`.
 */
import { BYTES_PER_ELEMENT, elementCount, internal } from '../core/index.ts';
import { BLOCK_WIDTH, frozenMatmul, input, type Node, type WeightStorage } from '../graph/index.ts';
import { type ModelConfig, PROJECTIONS, type Projection } from './model-config.ts';
import { addBias, plainDecoder, weightInputs, type Decoder } from './decoder.ts';
import { headName, HEAD_NAME, HEAD_PATH, parameterSpecs, projectionShape, type ParameterSpec } from './parameters.ts';

/** In what the matrices of a frozen base's projections are kept. Embeddings, norms and biases are float32 always, and so is the head in training. */
export const BASE_PRECISIONS = ['float32', 'float16', 'int8', 'int4'] as const satisfies readonly (
  | 'float32'
  | WeightStorage
)[];
export type BasePrecision = (typeof BASE_PRECISIONS)[number];

/** What decoding can keep a base in. float16 is left out: every token would turn the whole base into float32. */
export const DECODING_PRECISIONS = ['float32', 'int8', 'int4'] as const satisfies readonly BasePrecision[];
export type DecodingPrecision = (typeof DECODING_PRECISIONS)[number];

export type BasePurpose = 'training' | 'decoding';

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
 * nothing of the base. int8 rounds the rows of x to 16 bits: 8 would move the log-probability of an answer by several nats, which is what a
 * preference is made of. To decode, the head is kept so as well, and int4 rounds x to 8 bits. In float32 it is plainDecoder.
 */
export function baseDecoder(config: ModelConfig, precision: BasePrecision, purpose: BasePurpose = 'training'): Decoder {
  if (precision === 'float32') return plainDecoder(config);
  const others = weightInputs(config);
  const compact = new Set(
    parameterSpecs(config)
      .filter((spec) => projectionOf(spec) !== undefined || (purpose === 'decoding' && spec.name === HEAD_NAME))
      .map(({ name }) => name),
  );
  const known = new Map<string, Node>();
  const once = (name: string, make: () => Node): Node => {
    const node = known.get(name) ?? make();
    known.set(name, node);
    return node;
  };
  const weights = (name: string): Node => {
    if (compact.has(name)) throw internal(`${name} is kept in ${precision}: only its product reads it`);
    return others(name);
  };
  const product = (x: Node, path: string, shape: readonly [number, number]): Node => {
    const parts = storedInputs(path, precision, shape).map((part) => once(inputName(part), () => part));
    return frozenMatmul(x, parts, {
      storage: precision,
      columns: shape[1],
      transposeB: true,
      ...(precision === 'int4' && purpose === 'decoding' && { isRounded: true }),
      ...(precision === 'int8' && { isFine: true }),
    });
  };
  const project = (x: Node, path: string): Node => {
    const shape = projectionShape(config, path.slice(path.lastIndexOf('.') + 1) as Projection);
    return addBias(product(x, path, shape), { config, weights, path });
  };
  if (purpose === 'training') return { config, weights, project };
  const scores = (hidden: Node): Node => product(hidden, HEAD_PATH, [config.vocabularySize, config.hiddenSize]);
  return { config, weights, project, scores };
}

function inputName(node: Node): string {
  if (node.kind !== 'input') throw internal('a stored part must be an input');
  return node.attributes.name;
}

/** Bytes of a base whose projections are kept in `precision`, everything else in float32; to decode, of the head a compact copy too. */
export function baseBytes(config: ModelConfig, precision: BasePrecision, purpose: BasePurpose = 'training'): number {
  const head = { name: headName(config), shape: [config.vocabularySize, config.hiddenSize] };
  const sum = parameterSpecs(config).reduce((bytes, spec) => {
    if (precision === 'float32' || projectionOf(spec) === undefined)
      return bytes + BYTES_PER_ELEMENT.float32 * elementCount(spec.shape);
    return bytes + storedBytes(spec.shape as readonly [number, number], precision);
  }, 0);
  if (precision === 'float32' || purpose === 'training') return sum;
  const untied = config.tiedHead ? 0 : BYTES_PER_ELEMENT.float32 * elementCount(head.shape);
  return sum - untied + storedBytes(head.shape as [number, number], precision);
}

function storedBytes([n, k]: readonly [number, number], storage: WeightStorage): number {
  if (storage === 'float16') return BYTES_PER_ELEMENT.float16 * n * k;
  if (storage === 'int8') return n * k + BYTES_PER_ELEMENT.float32 * n;
  return n * Math.ceil(k / BLOCK_WIDTH) * (BLOCK_WIDTH / 2 + BYTES_PER_ELEMENT.float32);
}
