import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { env, InferenceSession, Tensor } from 'onnxruntime-common';
import { messageOf, runFailed, type PreftuneError } from '../core/index.ts';

/** What preftune uses of ONNX Runtime's interface for JavaScript. */
export interface OnnxRuntime {
  readonly env: typeof env;
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

/** Platforms that the copy in the package has binaries for, as `process.platform-process.arch`. */
export const BINARIES = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'] as const;

const require = createRequire(import.meta.url);
let loaded: OnnxRuntime | undefined;

/**
 * ONNX Runtime, loaded when it is first needed. Throws run-failed with the reason where its binary does not load.
 *
 * It comes with the package (scripts/copy-onnxruntime.ts), because the install script of onnxruntime-node asks another host
 * than the registry for CUDA's files, and an install fails where that host cannot be reached. An onnxruntime-node of the
 * same version that is installed beside preftune and has CUDA's files is taken instead; in the repository, where nothing
 * is built yet, the one in node_modules.
 */
export function onnxRuntime(): OnnxRuntime {
  if (loaded !== undefined) return loaded;
  const own = join(dirname(fileURLToPath(import.meta.url)), 'native');
  const beside = besidePreftune();
  const isOwnThere = existsSync(join(own, 'package.json'));
  const folder = beside !== undefined && (!isOwnThere || isPreferred(beside, own)) ? beside : own;
  try {
    loaded = require(join(folder, 'dist', 'index.js')) as OnnxRuntime;
  } catch (thrown) {
    throw loadFailure(thrown, { platform: process.platform, arch: process.arch, isGlibc: isGlibc() });
  }
  return loaded;
}

/** The folder of an installed onnxruntime-node that preftune can see. */
function besidePreftune(): string | undefined {
  try {
    return dirname(require.resolve('onnxruntime-node/package.json'));
  } catch {
    return undefined;
  }
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Whether an installed onnxruntime-node is what was tested, with the files for CUDA that the package's own copy lacks. */
export function isPreferred(beside: string, own: string): boolean {
  const cuda = join(beside, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
  return existsSync(cuda) && versionOf(beside) === versionOf(own);
}

/** Whether the C library is glibc, which ONNX Runtime's binaries for Linux are made for. True on other systems. */
function isGlibc(): boolean {
  if (process.platform !== 'linux') return true;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly isGlibc: boolean;
}

/** Why ONNX Runtime did not load, and what to do about it. */
export function loadFailure(thrown: unknown, machine: Machine): PreftuneError {
  const here = `${machine.platform}-${machine.arch}`;
  const reason = messageOf(thrown).split('\n')[0]!;
  return runFailed(`ONNX Runtime must load on ${here}, got: ${reason}; ${adviceFor(here, reason, machine)}`, {
    cause: thrown,
  });
}

function adviceFor(here: string, reason: string, machine: Machine): string {
  if (!(BINARIES as readonly string[]).includes(here)) return `its binaries are for ${BINARIES.join(', ')}`;
  if (!machine.isGlibc)
    return 'its binaries need glibc, and this system (Alpine?) has another C library: take an image such as node:22-slim';
  if (/GLIBC_|GLIBCXX_|CXXABI_/.test(reason))
    return 'its binaries need glibc 2.28 or newer (Debian 10, Ubuntu 18.10, RHEL 8): take a newer system or image';
  if (machine.platform === 'win32')
    return 'it needs the Visual C++ Redistributable 2022 of Microsoft (https://aka.ms/vs/17/release/vc_redist.x64.exe, or arm64)';
  return 'files of the package are missing or damaged: install preftune again on this machine';
}
