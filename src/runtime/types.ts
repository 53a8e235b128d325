import type { DType, HostTensor } from '../core/index.ts';
import type { Graph, Shape } from '../graph/index.ts';

export type DeviceName = 'cpu' | 'webgpu' | 'cuda';

export interface OpenDeviceOptions {
  /** `auto` measures a product on every provider that opens and keeps the fastest. Default `cpu`. */
  readonly device?: DeviceName | 'auto';
  /** Threads of one operator on the CPU. Default: the cores of the machine. */
  readonly threads?: number;
  /** The least severe messages of ONNX Runtime that reach stderr. Default `fatal`: what fails is thrown too. */
  readonly logLevel?: 'verbose' | 'info' | 'warning' | 'error' | 'fatal';
}

/** A place where programs run and tensors live. Everything happens in order: a run sees every upload, write and run before it. */
export interface Device {
  readonly name: DeviceName;
  readonly threads: number;
  /**
   * Makes a graph executable. Throws bad-usage for options that name no input or output or ask for an unsafe in-place
   * update, run-failed when ONNX Runtime refuses the model or MAX_PROGRAMS are alive.
   */
  compile(graph: Graph, options: CompileOptions): Promise<Program>;
  /** Puts a tensor on the device. With `transfer` its buffer moves there and is empty afterwards; else it is copied. */
  upload(tensor: HostTensor, options?: UploadOptions): Promise<DeviceTensor>;
  memory(): Promise<DeviceMemory>;
  /** Ends the device: runs under way are rejected as cancelled, every tensor and program is gone. Resolves when it has ended. */
  dispose(): Promise<void>;
}

export interface UploadOptions {
  readonly transfer?: boolean;
  /** The line of DeviceMemory.residentBytes that counts it. Default `uploaded`. */
  readonly category?: string;
}

export interface CompileOptions {
  /** Names the program in errors. */
  readonly label: string;
  /** Outputs that stay on the device: `run` gives them as DeviceTensors, which the caller disposes. */
  readonly keep?: readonly string[];
  /**
   * Output name -> input name: the output is written into that input's memory, so `run` must be given a DeviceTensor for the
   * input and gives the same one for the output.
   */
  readonly inPlace?: Readonly<Record<string, string>>;
  /** Inputs that never change: they live in the session (its own copy on webgpu and cuda) and are not given to `run`. */
  readonly frozen?: Readonly<Record<string, HostTensor>>;
  /**
   * Inputs that never change, as tensors of this device: the session keeps a copy of its own, arranged for its operators, and they are not
   * given to `run`. A product of few rows with a compact matrix is 3 to 50 times as fast so. The tensors must live as long as the
   * program, which reads them again when its session is loaded again. The cpu only.
   */
  readonly constants?: Readonly<Record<string, DeviceTensor>>;
  /** Use standard ONNX operators only, none of com.microsoft: to tell a fault of the runtime's own operators. Default false. */
  readonly portable?: boolean;
  /** Bytes of vocabulary scores that one chunk may hold. Default onnx's DEFAULT_CHUNK_BYTES. */
  readonly chunkBytes?: number;
  /** Records every operator's time; see profileProgram. Slows the program. Default false. */
  readonly profile?: boolean;
}

export interface ProgramValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface RunOptions {
  /** The outputs that are returned. Default: all. The whole program runs all the same. */
  readonly only?: readonly string[];
  /**
   * Rejects with code cancelled when it fires. A run that has not started never starts; one that is under way ends unseen
   * (in-place updates included), since ONNX Runtime cannot be interrupted.
   */
  readonly signal?: AbortSignal;
}

export interface Program {
  readonly label: string;
  readonly inputs: readonly ProgramValue[];
  readonly outputs: readonly ProgramValue[];
  /**
   * Computes the outputs. Host inputs are copied to the device. Throws bad-input with every missing, surplus or ill-fitting
   * input at once, run-failed when ONNX Runtime fails, cancelled.
   */
  run(inputs: ProgramInputs, options?: RunOptions): Promise<Record<string, HostTensor | DeviceTensor>>;
  /** Milliseconds that the last finished run took on the device's thread; 0 before the first. */
  readonly lastRunMs: number;
  /** Ends the recording of a program compiled with `profile`: the path of ONNX Runtime's trace, which dispose deletes. */
  endProfile(): Promise<string>;
  dispose(): Promise<void>;
}

export type ProgramInputs = Readonly<Record<string, HostTensor | DeviceTensor>>;

/** A tensor in a device's memory. */
export interface DeviceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** A copy on the host. */
  read(): Promise<HostTensor>;
  /** Replaces the elements; dtype and shape must be the same. */
  write(tensor: HostTensor): Promise<void>;
  /** Gives the memory back. Using the tensor afterwards throws bad-usage. */
  dispose(): Promise<void>;
}

export interface DeviceMemory {
  /** Bytes of tensors alive on the device by category: `uploaded`, `kept`, `frozen`, `models`, `pool` and the caller's own. */
  readonly residentBytes: Readonly<Record<string, number>>;
  /** Resident set of the whole process. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  /** Programs alive, and how many of them have a session loaded. */
  readonly compiledPrograms: number;
  readonly loadedSessions: number;
}

/** Programs that may be alive on one device. */
export const MAX_PROGRAMS = 512;
/** Sessions loaded at a time; the least recently run is unloaded and loads again at its next run. */
export const MAX_LOADED_SESSIONS = 48;

export function isDeviceTensor(value: HostTensor | DeviceTensor): value is DeviceTensor {
  return 'read' in value;
}
