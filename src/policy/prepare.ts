import { createRandom } from '../core/index.ts';
import { openModelFiles, type ModelFiles, type OpenModelOptions } from '../formats/index.ts';
import {
  parameterSpecs,
  parseModelConfig,
  type BasePrecision,
  type ModelConfig,
  type ParameterSpec,
} from '../models/index.ts';
import type { DimHints } from '../passes/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { checkVocabulary, loadModel, residentModel, type ResidentModel } from './resident-model.ts';

/** A model opened but not yet on a device. */
export interface OpenedModel {
  readonly files: ModelFiles;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
}

/**
 * Opens a model's files and checks that configuration and tokenizer fit. Throws bad-input.
 *
 * @example
 * ```ts run
 * import { openModel } from 'preftune';
 *
 * const { config, tokenizer, files } = await openModel('node_modules/preftune/assets/embedded-model');
 * console.log(config.layers, tokenizer.vocabularySize); // 7 2048
 * await files.close();
 * ```
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  return understandModel(await openModelFiles(path, options));
}

/** The configuration and tokenizer of opened files; closes them when they do not fit. */
export async function understandModel(files: ModelFiles): Promise<OpenedModel> {
  try {
    const config = parseModelConfig(files.config);
    const eosTokenId = files.generationConfig?.['eos_token_id'] ?? files.config['eos_token_id'];
    const tokenizer = createTokenizer(files.tokenizer, { eosTokenId });
    checkVocabulary(config, tokenizer.vocabularySize);
    return { files, config, tokenizer };
  } catch (thrown) {
    await files.close();
    throw thrown;
  }
}

export interface PlaceOptions {
  /** Random weights instead of the files'. */
  readonly initialise?: { readonly seed: number };
  /** In what the projections of a frozen base are kept. Default float32. */
  readonly precision?: BasePrecision;
}

/** The weights on the device: read from the files, or random. */
export async function placeWeights(
  device: Device,
  { files, config }: OpenedModel,
  { initialise, precision = 'float32' }: PlaceOptions = {},
): Promise<ResidentModel> {
  if (initialise === undefined) return loadModel(device, config, files.checkpoint, { precision });
  const deviation = Number(files.config['initializer_range'] ?? 0.02);
  const weights = new Map<string, DeviceTensor>();
  for (const spec of parameterSpecs(config)) {
    const data = initialWeight(spec, { seed: initialise.seed, deviation, norm: 1 - config.normOffset });
    weights.set(spec.name, await device.upload({ dtype: 'float32', shape: spec.shape, data }, { transfer: true }));
  }
  return residentModel(config, weights);
}

/** Transformers' initial weights: matrices normal with initializer_range, norms such that they multiply by 1, biases 0. */
function initialWeight(
  { name, shape }: ParameterSpec,
  { seed, deviation, norm }: { seed: number; deviation: number; norm: number },
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(shape.reduce((size, dim) => size * dim, 1));
  if (shape.length === 1) return data.fill(name.endsWith('.bias') ? 0 : norm);
  const random = createRandom(seed, `initialise ${name}`);
  for (let i = 0; i < data.length; i++) data[i] = deviation * random.nextNormal();
  return data;
}

/** Typical sizes of a micro-batch, for choosing between equal expressions and for the memory estimate. */
export function hintsFor(microBatchTokens: number, meanLength: number): DimHints {
  const rows = Math.max(1, Math.round(microBatchTokens / Math.max(1, meanLength)));
  const scored = Math.ceil(microBatchTokens * 0.6);
  return { T: microBatchTokens, U: scored, C: scored, R: rows };
}
