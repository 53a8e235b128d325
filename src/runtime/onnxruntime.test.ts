import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isPreferred, loadFailure, onnxRuntime, type Machine } from './onnxruntime.ts';

const home = mkdtempSync(join(tmpdir(), 'preftune-runtime-'));
afterAll(() => rmSync(home, { recursive: true }));

/** A folder that looks like an installed onnxruntime-node. */
function installed(name: string, version: string, withCuda: boolean): string {
  const folder = join(home, name);
  const binaries = join(folder, 'bin', 'napi-v6', process.platform, process.arch);
  mkdirSync(binaries, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version }));
  if (withCuda) writeFileSync(join(binaries, 'libonnxruntime_providers_cuda.so'), '');
  return folder;
}

test('another onnxruntime-node is taken only where it is the same version and has the files for CUDA', () => {
  const own = installed('own', '1.30.0', false);
  expect(isPreferred(installed('plain', '1.30.0', false), own)).toBe(false);
  expect(isPreferred(installed('older', '1.24.3', true), own)).toBe(false);
  expect(isPreferred(installed('cuda', '1.30.0', true), own)).toBe(true);
});

test('it is loaded once', () => {
  const first = onnxRuntime();
  expect(onnxRuntime()).toBe(first);
  expect([...new first.Tensor('float32', [1, 2], [2]).data]).toEqual([1, 2]);
});

test('the version that is copied is the one whose interface is used', () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  expect(manifest.devDependencies['onnxruntime-node']).toBe(manifest.dependencies['onnxruntime-common']);
});

test.each<[string, Machine, string, string]>([
  [
    'a Mac with an Intel processor',
    { platform: 'darwin', arch: 'x64', isGlibc: true },
    "Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'\nRequire stack: ...",
    "ONNX Runtime must load on darwin-x64, got: Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'; its binaries are for linux-x64, linux-arm64, darwin-arm64, win32-x64, win32-arm64",
  ],
  [
    'Alpine',
    { platform: 'linux', arch: 'x64', isGlibc: false },
    'Error loading shared library ld-linux-x86-64.so.2: No such file or directory',
    'ONNX Runtime must load on linux-x64, got: Error loading shared library ld-linux-x86-64.so.2: No such file or directory; its binaries need glibc, and this system (Alpine?) has another C library: take an image such as node:22-slim',
  ],
  [
    'an old glibc',
    { platform: 'linux', arch: 'arm64', isGlibc: true },
    "/lib/libm.so.6: version `GLIBC_2.27' not found (required by libonnxruntime.so.1)",
    "ONNX Runtime must load on linux-arm64, got: /lib/libm.so.6: version `GLIBC_2.27' not found (required by libonnxruntime.so.1); its binaries need glibc 2.28 or newer (Debian 10, Ubuntu 18.10, RHEL 8): take a newer system or image",
  ],
  [
    'Windows without the C++ runtime',
    { platform: 'win32', arch: 'x64', isGlibc: true },
    'The specified module could not be found.',
    'ONNX Runtime must load on win32-x64, got: The specified module could not be found.; it needs the Visual C++ Redistributable 2022 of Microsoft (https://aka.ms/vs/17/release/vc_redist.x64.exe, or arm64)',
  ],
  [
    'a file that is gone',
    { platform: 'linux', arch: 'x64', isGlibc: true },
    'libonnxruntime.so.1: cannot open shared object file: No such file or directory',
    'ONNX Runtime must load on linux-x64, got: libonnxruntime.so.1: cannot open shared object file: No such file or directory; files of the package are missing or damaged: install preftune again on this machine',
  ],
])('what is said of %s', (_name, machine, reason, message) => {
  const failure = loadFailure(new Error(reason), machine);
  expect([failure.code, failure.message]).toEqual(['run-failed', message]);
});
