import type { DType, HostTensor } from '../core/index.ts';
import type { DeviceName } from './types.ts';

/** What the host asks of the worker that owns ONNX Runtime. Handles and program numbers are given out by the host. */
export type Request =
  | { readonly type: 'open'; readonly device: DeviceName; readonly threads: number; readonly logLevel: LogLevel }
  | ({ readonly type: 'compile' } & CompileRequest)
  | ({ readonly type: 'run' } & RunRequest)
  | { readonly type: 'endProfile'; readonly program: number }
  | { readonly type: 'releaseProgram'; readonly program: number }
  | { readonly type: 'upload'; readonly handle: number; readonly tensor: HostTensor }
  | { readonly type: 'write'; readonly handle: number; readonly tensor: HostTensor }
  | { readonly type: 'read'; readonly handle: number }
  | { readonly type: 'free'; readonly handles: readonly number[] }
  | { readonly type: 'memory' }
  | { readonly type: 'close' };

export type LogLevel = 'verbose' | 'info' | 'warning' | 'error' | 'fatal';

export interface CompileRequest {
  readonly program: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** ONNX names of outputs that stay on the device. */
  readonly deviceOutputs: readonly string[];
  readonly frozen: readonly FrozenTensor[];
  /** External data that stands in tensors of the device. */
  readonly constants: readonly ConstantTensor[];
  readonly profile: boolean;
}

export interface FrozenTensor {
  readonly onnxName: string;
  readonly location: string;
  readonly tensor: HostTensor;
  /** In the model as external data; else it is fed at every run without a copy. */
  readonly external: boolean;
}

export interface ConstantTensor {
  readonly location: string;
  readonly handle: number;
  /** The session wants the matrix [n, k] as [k, n]. */
  readonly isTurned: boolean;
}

export interface RunRequest {
  readonly program: number;
  /** By ONNX name. */
  readonly inputs: Readonly<Record<string, HostTensor | number>>;
  readonly outputs: readonly RunOutput[];
}

export interface RunOutput {
  readonly onnxName: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The handle that the output is kept under; undefined: it is returned to the host. */
  readonly handle: number | undefined;
  /** Written into the memory of the tensor that the handle already has. */
  readonly inPlace: boolean;
}

export interface RunReply {
  readonly elapsedMs: number;
  /** By ONNX name. */
  readonly outputs: Readonly<Record<string, HostTensor>>;
}

export interface MemoryReply {
  readonly poolBytes: number;
  readonly loadedSessions: number;
}

/** What each request is answered with. */
export interface Replies {
  readonly open: null;
  readonly compile: null;
  readonly run: RunReply;
  readonly endProfile: string;
  readonly releaseProgram: null;
  readonly upload: null;
  readonly write: null;
  readonly read: HostTensor;
  readonly free: null;
  readonly memory: MemoryReply;
  readonly close: null;
}

export type RequestOf<K extends Request['type']> = Extract<Request, { readonly type: K }>;

/** To the worker: a numbered request, or the wish that one be skipped if it has not started. */
export type ToWorker = { readonly id: number; readonly request: Request } | { readonly cancel: number };

export type FromWorker =
  | { readonly id: number; readonly reply: Replies[keyof Replies] }
  | { readonly id: number; readonly error: string };
