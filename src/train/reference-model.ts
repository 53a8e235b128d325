import { plainDecoder, weightInputs, type Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import { pairScoreGraph } from './pair-graphs.ts';
import { hintsFor, type OpenedModel } from './prepare.ts';
import { compileBatchProgram, type BatchProgram } from './programs.ts';
import { loadModel, type ResidentModel } from './resident-model.ts';

/** A frozen model that log-probabilities are computed with, opened when one must be computed. */
export interface Reference {
  readonly fingerprint: string;
  /** See ReferenceIdentity. */
  readonly precision: string;
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
    /** What besides logps is computed of every answer. */
    readonly statistics?: readonly string[];
  },
): Promise<BatchProgram> {
  const { label, resident, microBatchTokens, statistics = [] } = options;
  const hints = hintsFor(microBatchTokens, microBatchTokens / 2);
  return compileBatchProgram(device, { evaluate: pairScoreGraph(decoder, statistics) }, { label, hints, resident });
}

/** Another model as the reference. Its weights are loaded by `open`; its files stay the caller's. */
export async function referenceOfModel(
  device: Device,
  { config, files }: OpenedModel,
  { microBatchTokens, statistics = [] }: { readonly microBatchTokens: number; readonly statistics?: readonly string[] },
): Promise<Reference> {
  let model: ResidentModel | undefined;
  return {
    fingerprint: await files.checkpoint.fingerprint(),
    precision: 'float32',
    open: async () => {
      model ??= await loadModel(device, config, files.checkpoint);
      const decoder = plainDecoder(config, weightInputs(config));
      return compilePairScores(device, decoder, {
        label: 'reference',
        resident: model.weights,
        microBatchTokens,
        statistics,
      });
    },
    dispose: async () => {
      await model?.dispose();
    },
  };
}
