/**
 * Puts ONNX Runtime into dist/runtime/native, so that the package needs no install script: of onnxruntime-node the
 * code, and for each platform what the providers cpu and webgpu load. Left out: DirectML (a provider that preftune does not
 * offer; onnxruntime.dll loads it when it is asked for), the second copy of macOS's library under its version's name, the
 * install script and what only that needs. Files are linked where the file system can.
 *
 *     tsx scripts/copy-onnxruntime.ts
 */
import { copyFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const FROM = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const TO = join(ROOT, 'dist', 'runtime', 'native');

const WINDOWS = ['onnxruntime_binding.node', 'onnxruntime.dll', 'dxcompiler.dll', 'dxil.dll'];
/** What each platform loads, below bin/napi-v6. */
const BINARIES: Readonly<Record<string, readonly string[]>> = {
  'linux/x64': ['onnxruntime_binding.node', 'libonnxruntime.so.1'],
  'linux/arm64': ['onnxruntime_binding.node', 'libonnxruntime.so.1'],
  'darwin/arm64': ['onnxruntime_binding.node', 'libonnxruntime.1.dylib'],
  'win32/x64': WINDOWS,
  'win32/arm64': WINDOWS,
};
const CODE = ['index.js', 'backend.js', 'binding.js', 'version.js'].map((name) => join('dist', name));

function place(path: string): void {
  const to = join(TO, path);
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(join(FROM, path), to);
  } catch {
    copyFileSync(join(FROM, path), to);
  }
}

rmSync(TO, { recursive: true, force: true });
for (const path of CODE) place(path);
for (const [platform, names] of Object.entries(BINARIES))
  for (const name of names) place(join('bin', 'napi-v6', platform, name));
copyFileSync(join(import.meta.dirname, 'onnxruntime-license.txt'), join(TO, 'LICENSE'));

const { name, version, license, author, repository } = JSON.parse(
  readFileSync(join(FROM, 'package.json'), 'utf8'),
) as Record<string, unknown>;
const manifest = { name, version, license, author, repository, private: true, main: 'dist/index.js' };
writeFileSync(join(TO, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
