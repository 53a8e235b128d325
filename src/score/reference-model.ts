import { plainDecoder, weightInputs, type Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import {
  preferenceScoreGraph,
  hintsFor,
  type OpenedModel,
  compileBatchProgram,
  type BatchProgram,
  loadModel,
  type ResidentModel,
} from '../policy/index.ts';

/** A frozen model that log-probabilities are computed with, opened when one must be computed. */
export interface Reference {
  readonly fingerprint: string;
  /** See ReferenceIdentity. */
  readonly precision: string;
  readonly open: () => Promise<BatchProgram>;
  readonly dispose: () => Promise<void>;
}

/** Compiles what scores rows of `width` answers (pairs where it is left out) with tensors that are on the device. */
export function compileScores(
  device: Device,
  decoder: Decoder,
  options: {
    readonly label: string;
    readonly resident: ReadonlyMap<string, DeviceTensor>;
    readonly microBatchTokens: number;
    /** What besides logps is computed of every answer. */
    readonly statistics?: readonly string[];
    readonly width?: number;
  },
): Promise<BatchProgram> {
  const { label, resident, microBatchTokens, statistics = [], width = 2 } = options;
  const hints = hintsFor(microBatchTokens, microBatchTokens / 2);
  const evaluate = preferenceScoreGraph(decoder, { width, statistics });
  return compileBatchProgram(device, { evaluate }, { label, hints, resident });
}

/** Another model as the reference. Its weights are loaded by `open`; its files stay the caller's. */
export async function referenceOfModel(
  device: Device,
  { config, files }: OpenedModel,
  options: {
    readonly microBatchTokens: number;
    readonly statistics?: readonly string[];
    readonly width?: number;
  },
): Promise<Reference> {
  let model: ResidentModel | undefined;
  return {
    fingerprint: await files.checkpoint.fingerprint(),
    precision: 'float32',
    open: async () => {
      model ??= await loadModel(device, config, files.checkpoint);
      const decoder = plainDecoder(config, weightInputs(config));
      return compileScores(device, decoder, {
        label: 'reference',
        resident: model.weights,
        ...options,
      });
    },
    dispose: async () => {
      await model?.dispose();
    },
  };
}
