import type { InferenceSession } from 'onnxruntime-common';
import type { DeviceName } from './types.ts';

export interface SessionSettings {
  readonly device: DeviceName;
  readonly threads: number;
  /** ONNX names of outputs that stay on the device. Only webgpu can keep them. */
  readonly deviceOutputs: readonly string[];
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** The path prefix of the trace to record. */
  readonly profilePrefix: string | undefined;
}

const PROVIDERS: Readonly<Record<DeviceName, readonly string[]>> = {
  cpu: ['cpu'],
  webgpu: ['webgpu', 'cpu'],
  cuda: ['cuda', 'cpu'],
};

/**
 * How every session is made.
 *
 * - enableMemPattern false: with it ONNX Runtime plans one block in which nothing is freed early (twice the memory of a
 *   training step).
 * - Threads sleep instead of spinning between operators: no slower alone (51 % against 48 % of the product rate, within noise),
 *   and many times faster beside another process that wants the cores.
 * - ONNX Runtime's own graph rewriting is off: preftune's passes have done it, a step is as fast without, and sessions are made in half the
 *   time (optimizer of 420 tensors 0.35 s instead of 1.7 s). It would also merge what the recompute pass computes again with what was kept.
 */
export function sessionOptions(settings: SessionSettings): InferenceSession.SessionOptions {
  const { device, threads, deviceOutputs, externalData, profilePrefix } = settings;
  return {
    executionProviders: PROVIDERS[device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'disabled',
    enableMemPattern: false,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(externalData.length > 0 && { externalData: [...externalData] }),
    ...(device === 'webgpu' &&
      deviceOutputs.length > 0 && {
        preferredOutputLocation: Object.fromEntries(deviceOutputs.map((name) => [name, 'gpu-buffer' as const])),
      }),
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
  };
}
