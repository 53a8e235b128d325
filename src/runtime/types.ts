import type { DType, HostTensor } from '../core/index.ts';
import type { Graph } from '../graph/index.ts';

export type DeviceName = 'cpu' | 'webgpu' | 'cuda';

export interface OpenDeviceOptions {
  readonly device: DeviceName;
  /** Threads of the CPU provider; default: the machine's cores. */
  readonly threads?: number;
}

/** A tensor that lives where the graphs run and stays there between runs. */
export interface DeviceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** A copy on the host. */
  read(): Promise<HostTensor>;
  /** Replaces the contents; shape and dtype must be the tensor's. */
  write(values: HostTensor): Promise<void>;
  dispose(): Promise<void>;
}

export interface CompileOptions {
  /** For error messages, memory reports and profiles. */
  readonly label: string;
  /** Outputs that stay on the device and come back as DeviceTensors. The others come back as HostTensors. */
  readonly keep?: readonly string[];
  /**
   * Output name -> input name: the output is written into that input's tensor, which must be a DeviceTensor at run time and
   * is what the run returns under the output's name. Refused unless every other reader of the input runs before the writer.
   */
  readonly inPlace?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** Only these outputs are computed and returned. */
  readonly only?: readonly string[];
  /** Kept outputs written into these existing tensors instead of new ones. */
  readonly into?: Readonly<Record<string, DeviceTensor>>;
  readonly signal?: AbortSignal;
}

/** A compiled graph. */
export interface Program {
  readonly label: string;
  /**
   * Runs the graph. Throws bad-input with every input that is missing, surplus, or of the wrong dtype or shape (a symbol that
   * would have two values included); run-failed when the provider fails, out of memory included.
   */
  run(
    inputs: Readonly<Record<string, HostTensor | DeviceTensor>>,
    options?: RunOptions,
  ): Promise<Record<string, HostTensor | DeviceTensor>>;
  dispose(): Promise<void>;
}

export interface MemoryReport {
  /** Bytes of live DeviceTensors. */
  readonly residentBytes: number;
  readonly compiledPrograms: number;
  /** Resident set of the whole process now, and its largest so far. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** Where graphs run. Everything is asynchronous: the calling thread stays free. */
export interface Device {
  readonly name: DeviceName;
  readonly threads: number;
  compile(graph: Graph, options: CompileOptions): Promise<Program>;
  /** Moves a tensor to the device. With `transfer` its buffer is handed over, not copied, and the caller's array is emptied. */
  upload(tensor: HostTensor, options?: { readonly transfer?: boolean }): Promise<DeviceTensor>;
  memory(): Promise<MemoryReport>;
  dispose(): Promise<void>;
}
