/** Helpers of this folder's tests; nothing of the package imports them. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder under the system's temporary folder. */
export function makeTemporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'preftune-test-'));
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** The error that `action` throws, or rejects with. Fails when it does neither. */
export async function thrownBy(action: () => unknown): Promise<Error & { code?: string }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
}

/** Skips the running test and prints why; does nothing without a reason. */
export function skipBecause(skip: (note: string) => void, reason: string | undefined): void {
  if (reason === undefined) return;
  process.stderr.write(`skipped: ${reason}\n`);
  skip(reason);
}

/** Compiles a TypeScript file once to JavaScript, so that many child processes start fast. Returns the path of the program. */
export async function buildProgram(entry: string, outDir: string): Promise<string> {
  const { build } = await import('vite');
  await build({
    configFile: false,
    logLevel: 'silent',
    build: { ssr: entry, outDir, emptyOutDir: false, rollupOptions: { output: { entryFileNames: 'program.mjs' } } },
  });
  return join(outDir, 'program.mjs');
}

/** A child process, what it printed so far, and a promise of its exit. */
export function startProgram(args: readonly string[]): {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
} {
  let text = '';
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  child.stderr.on('data', (data: Buffer) => (text += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, output: () => text, ended };
}

/** Calls `use` with a file system that holds `sizeKib` KiB, or returns why there can be none here. */
export async function withSmallDisk(sizeKib: number, use: (path: string) => unknown): Promise<string | undefined> {
  const path = makeTemporaryFolder();
  const mounted = join(path, 'disk');
  try {
    mkdirSync(mounted);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', mounted], { stdio: 'pipe' });
  } catch {
    removeFolder(path);
    return 'mounting a small tmpfs needs Linux and root';
  }
  try {
    await use(mounted);
    return undefined;
  } finally {
    execFileSync('umount', [mounted]);
    removeFolder(path);
  }
}

/** Calls `use` with the same folder at a place where nothing can be written, or returns why there can be none here. */
export async function withReadOnly(folder: string, use: (path: string) => unknown): Promise<string | undefined> {
  const path = makeTemporaryFolder();
  const mounted = join(path, 'disk');
  try {
    mkdirSync(mounted);
    execFileSync('mount', ['--bind', folder, mounted], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'remount,bind,ro', mounted], { stdio: 'pipe' });
  } catch {
    // What is bound there is the folder itself: nothing but the empty place may be removed.
    spawnSync('umount', [mounted]);
    rmdirSync(mounted);
    removeFolder(path);
    return 'mounting a folder read-only needs Linux and root';
  }
  try {
    await use(mounted);
    return undefined;
  } finally {
    execFileSync('umount', [mounted]);
    removeFolder(path);
  }
}
