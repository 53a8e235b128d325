import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { internal } from '../core/index.ts';
import type { CompileRequest, RunReply, RunRequest } from './messages.ts';
import { onnxRuntime } from './onnxruntime.ts';
import { sessionOptions } from './session-options.ts';
import { toHost, toTensor, turned, type TensorStore } from './worker-tensors.ts';
import { MAX_LOADED_SESSIONS, type DeviceName } from './types.ts';

interface LoadedProgram {
  readonly request: CompileRequest;
  /** Frozen inputs that are fed at every run, by ONNX name. */
  readonly fed: Readonly<Record<string, Tensor>>;
  readonly profileFolder: string | undefined;
  session: InferenceSession | undefined;
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The programs of a device. At most MAX_LOADED_SESSIONS have a session; the least recently run loses its own first. */
export class ProgramStore {
  /** In the order of use: the first is the least recently run. */
  private readonly programs = new Map<number, LoadedProgram>();
  private readonly device: DeviceName;
  private readonly threads: number;
  private readonly tensors: TensorStore;

  constructor(device: DeviceName, threads: number, tensors: TensorStore) {
    this.device = device;
    this.threads = threads;
    this.tensors = tensors;
  }

  get loadedSessions(): number {
    return [...this.programs.values()].filter(({ session }) => session !== undefined).length;
  }

  async compile(request: CompileRequest): Promise<void> {
    const fed = request.frozen.filter(({ external }) => !external);
    const program: LoadedProgram = {
      request,
      fed: Object.fromEntries(fed.map(({ onnxName, tensor }) => [onnxName, toTensor(tensor)])),
      profileFolder: request.profile ? mkdtempSync(join(tmpdir(), 'preftune-profile-')) : undefined,
      session: undefined,
    };
    await this.load(program);
    this.programs.set(request.program, program);
  }

  async run({ program: number, inputs, outputs }: RunRequest): Promise<RunReply> {
    const program = this.take(number);
    const session = program.session ?? (await this.load(program));
    const feeds: Record<string, Tensor> = { ...program.fed };
    for (const [name, given] of Object.entries(inputs))
      feeds[name] = typeof given === 'number' ? this.tensors.get(given) : toTensor(given);

    const fetches: Record<string, Tensor | null> = {};
    for (const { onnxName, handle, inPlace, dtype, shape } of outputs) {
      const prepared = handle !== undefined && this.device !== 'webgpu';
      if (!prepared) fetches[onnxName] = null;
      else fetches[onnxName] = inPlace ? this.tensors.get(handle) : this.tensors.allocate(dtype, shape);
    }
    const started = performance.now();
    const results = (await session.run(feeds, fetches)) as Record<string, Tensor>;
    const elapsedMs = performance.now() - started;

    const returned: Record<string, ReturnType<typeof toHost>> = {};
    for (const { onnxName, handle, inPlace } of outputs) {
      if (handle === undefined) returned[onnxName] = toHost(results[onnxName]!);
      else if (this.device === 'webgpu') this.tensors.set(handle, results[onnxName]!);
      else if (!inPlace) this.tensors.set(handle, fetches[onnxName]!);
    }
    return { elapsedMs, outputs: returned };
  }

  /** Ends the recording and gives the path of the trace. */
  endProfile(number: number): string {
    const { session, profileFolder } = this.take(number);
    if (session === undefined || profileFolder === undefined) throw internal('the program records no profile');
    session.endProfiling();
    const file = readdirSync(profileFolder)[0];
    if (file === undefined) throw internal(`no trace was written into ${profileFolder}`);
    return join(profileFolder, file);
  }

  async release(number: number): Promise<void> {
    const program = this.programs.get(number);
    this.programs.delete(number);
    await program?.session?.release();
    if (program?.profileFolder !== undefined) rmSync(program.profileFolder, { recursive: true, force: true });
  }

  async clear(): Promise<void> {
    for (const number of this.programs.keys()) await this.release(number);
  }

  /** The program, now the most recently used. */
  private take(number: number): LoadedProgram {
    const program = this.programs.get(number);
    if (program === undefined) throw internal(`program ${number} is not on the device`);
    this.programs.delete(number);
    this.programs.set(number, program);
    return program;
  }

  private async load(program: LoadedProgram): Promise<InferenceSession> {
    const loaded = [...this.programs.values()].filter(
      ({ session, profileFolder }) => session !== undefined && profileFolder === undefined,
    );
    for (const oldest of loaded.slice(0, Math.max(0, loaded.length + 1 - MAX_LOADED_SESSIONS))) {
      const { session } = oldest;
      oldest.session = undefined;
      await session!.release();
    }
    const { bytes, deviceOutputs, frozen, constants } = program.request;
    const external = frozen.filter((value) => value.external);
    program.session = await onnxRuntime().InferenceSession.create(
      bytes,
      sessionOptions({
        device: this.device,
        threads: this.threads,
        deviceOutputs,
        externalData: [
          ...external.map(({ location, tensor: { data } }) => ({ path: location, data: bytesOf(data) })),
          ...constants.map(({ location, handle, isTurned }) => {
            const tensor = toHost(this.tensors.get(handle));
            return { path: location, data: bytesOf(isTurned ? turned(tensor) : tensor.data) };
          }),
        ],
        profilePrefix: program.profileFolder === undefined ? undefined : join(program.profileFolder, 'trace'),
      }),
    );
    return program.session;
  }
}
