import { plainDecoder, weightInputs, type Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { pairScoreGraph } from './batch-graphs.ts';
import { compareTokenizers } from './compare-tokenizers.ts';
import { hintsFor, openModel } from './prepare.ts';
import { compileBatchProgram, type BatchProgram } from './programs.ts';
import { checkWeights, loadModel, type ResidentModel } from './resident-model.ts';
import { badInput } from '../core/index.ts';

/** A frozen model that log-probabilities are computed with, opened when one must be computed. */
export interface Reference {
  readonly fingerprint: string;
  readonly open: () => Promise<BatchProgram>;
  readonly dispose: () => Promise<void>;
}

/** Compiles what scores pairs with tensors that are on the device. */
export function compilePairScores(
  device: Device,
  decoder: Decoder,
  options: {
    readonly label: string;
    readonly resident: ReadonlyMap<string, DeviceTensor>;
    readonly microBatchTokens: number;
  },
): Promise<BatchProgram> {
  const { label, resident, microBatchTokens } = options;
  const hints = hintsFor(microBatchTokens, microBatchTokens / 2);
  return compileBatchProgram(device, { evaluate: pairScoreGraph(decoder) }, { label, hints, resident });
}

/** The model at `path` as the reference. Its weights are loaded by `open`. Throws bad-input when its vocabulary is another. */
export async function openReferenceModel(
  path: string,
  options: {
    readonly device: Device;
    readonly tokenizer: Tokenizer;
    readonly microBatchTokens: number;
    readonly onWarning: ((text: string) => void) | undefined;
  },
): Promise<Reference> {
  const { device, tokenizer, microBatchTokens, onWarning } = options;
  const other = await openModel(path);
  try {
    const problems = checkWeights(other.config, other.files.checkpoint);
    if (problems.length > 0) throw badInput(problems.map((problem) => ({ file: path, ...problem })));
    compareTokenizers(tokenizer, other.tokenizer, onWarning);
  } catch (thrown) {
    await other.files.close();
    throw thrown;
  }
  let model: ResidentModel | undefined;
  return {
    fingerprint: await other.files.checkpoint.fingerprint(),
    open: async () => {
      model ??= await loadModel(device, other.config, other.files.checkpoint);
      const decoder = plainDecoder(other.config, weightInputs(other.config));
      return compilePairScores(device, decoder, { label: 'reference', resident: model.weights, microBatchTokens });
    },
    dispose: async () => {
      await model?.dispose();
      await other.files.close();
    },
  };
}
