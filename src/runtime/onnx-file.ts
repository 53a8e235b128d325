import { messageOf, runFailed } from '../core/index.ts';
import { onnxRuntime } from './onnxruntime.ts';

/** A value of an ONNX model that is not ours to compile: what other programs give it and get from it. */
export interface OnnxFileTensor {
  readonly type: 'float32' | 'int64';
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** An ONNX model in a file, as any program would open it: on the CPU, with ONNX Runtime's own defaults. */
export interface OnnxFile {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  run(inputs: Readonly<Record<string, OnnxFileTensor>>): Promise<Record<string, OnnxFileTensor>>;
  dispose(): Promise<void>;
}

/** Opens a model file with the external data beside it, to see that others can. Throws run-failed when ONNX Runtime refuses it or a run. */
export async function openOnnxFile(path: string): Promise<OnnxFile> {
  const failed = (thrown: unknown) =>
    runFailed(
      { file: path, message: `onnx: ONNX Runtime must run the model, got ${messageOf(thrown)}` },
      { cause: thrown },
    );
  const { InferenceSession, Tensor } = onnxRuntime();
  const session = await InferenceSession.create(path, {
    executionProviders: ['cpu'],
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }).catch((thrown: unknown) => {
    throw failed(thrown);
  });
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(inputs) {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { type, dims, data }]) => [name, new Tensor(type, data as never, dims)]),
      );
      const results = await session.run(feeds).catch((thrown: unknown) => {
        throw failed(thrown);
      });
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [name, { type, dims, data } as OnnxFileTensor]),
      );
    },
    dispose: () => session.release(),
  };
}
