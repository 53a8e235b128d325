import { execFileSync, spawn, type ChildProcess, type SpawnOptionsWithoutStdio } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const CACHE = join(REPOSITORY, 'node_modules', '.cache', 'preftune-test');

/** The time of the newest source, in milliseconds. */
function newestSource(folder = join(REPOSITORY, 'src')): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .reduce((newest, entry) => Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

/**
 * The path of the built command line. Tests that start many processes run it, since it starts faster than the sources; it is built when the
 * sources are newer, beside dist/, so that a test never changes what a user runs. Several test files may ask at once.
 */
export function buildCli(): string {
  const home = join(CACHE, `build-${Math.floor(newestSource())}`);
  const main = join(home, 'dist', 'cli', 'main.js');
  if (existsSync(main)) return main;
  mkdirSync(CACHE, { recursive: true });
  const temporary = mkdtempSync(join(CACHE, 'unfinished-'));
  const compiler = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    execFileSync(
      process.execPath,
      [compiler, '-p', join(REPOSITORY, 'tsconfig.build.json'), '--outDir', join(temporary, 'dist')],
      { cwd: REPOSITORY, stdio: ['ignore', 'ignore', 'inherit'] },
    );
  } catch (error) {
    // Types are checked elsewhere; JavaScript is emitted all the same.
    if (!existsSync(join(temporary, 'dist', 'cli', 'main.js'))) throw error;
  }
  cpSync(join(REPOSITORY, 'package.json'), join(temporary, 'package.json'));
  if (existsSync(join(REPOSITORY, 'assets')))
    cpSync(join(REPOSITORY, 'assets'), join(temporary, 'assets'), { recursive: true });
  try {
    renameSync(temporary, home);
  } catch (error) {
    // Another test file was faster.
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(main)) throw error;
  }
  return main;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What stdin has, to its end. */
  readonly input?: string;
  /** Called with everything that stderr has had so far, whenever more comes. */
  readonly onError?: (text: string, child: ChildProcess) => void;
}

/** Starts `preftune ...words` and resolves when it has ended. */
export function preftune(main: string, words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const settings = {
    cwd: options.cwd ?? REPOSITORY,
    env: { ...process.env, NO_COLOR: '1', COLUMNS: '100', HF_HUB_OFFLINE: '1', ...options.environment },
  };
  return endOf(process.execPath, [main, ...words], settings, options);
}

/** Starts a program and resolves when it has ended. */
export function endOf(
  program: string,
  words: readonly string[],
  settings: SpawnOptionsWithoutStdio,
  { onError, input }: Pick<StartOptions, 'onError' | 'input'> = {},
): Promise<Ended> {
  const child = spawn(program, words, settings);
  if (input !== undefined) child.stdin.end(input);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
    onError?.(err, child);
  });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, err })));
}
