import type { Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import {
  compileBatchProgram,
  hintsFor,
  placeModel,
  preferenceScoreGraph,
  sourceOf,
  weightsFingerprint,
  type BatchProgram,
  type OpenedModel,
  type PlacedModel,
  type ReadAdapter,
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
  reference: OpenedModel & { readonly adapter?: ReadAdapter | undefined },
  options: {
    readonly microBatchTokens: number;
    readonly statistics?: readonly string[];
    readonly width?: number;
  },
): Promise<Reference> {
  let placed: PlacedModel | undefined;
  return {
    fingerprint: await weightsFingerprint(reference.files.checkpoint, reference.adapter),
    precision: 'float32',
    open: async () => {
      placed ??= await placeModel(device, sourceOf({ opened: reference, adapter: reference.adapter }), {
        purpose: 'scoring',
      });
      const { decoder, resident } = placed;
      return compileScores(device, decoder, { label: 'reference', resident, ...options });
    },
    dispose: async () => {
      await placed?.dispose();
    },
  };
}
