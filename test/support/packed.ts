import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { endOf, type Ended } from './built-cli.ts';
import { oneAtATime } from './one-at-a-time.ts';

/**
 * The package as another project gets it: a copy of the repository is built and packed, and the tarball alone is unpacked into that project's
 * node_modules, beside what package.json names as dependencies and nothing that only we develop with.
 */

const REPOSITORY = join(import.meta.dirname, '..', '..');
const CACHE = join(REPOSITORY, 'node_modules', '.cache', 'preftune-test');

/** How long packages of older sources are kept: an hour. */
const KEPT_MS = 3_600_000;

/** Folders of the repository that no build reads. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', 'dist', 'node_modules', '.vitest', 'runs']);
const ENTRIES = readdirSync(REPOSITORY).filter((name) => !LEFT_OUT.has(name));

/** The time of the newest file, in milliseconds. */
function newest(paths: readonly string[]): number {
  return paths.reduce((latest, path) => {
    const status = statSync(path);
    const inside = status.isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [];
    return Math.max(latest, status.isDirectory() ? newest(inside) : status.mtimeMs);
  }, 0);
}

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

export interface Packed {
  readonly tarball: string;
  readonly files: readonly PackedFile[];
}

/** What `npm pack` makes of the repository as it is now. Built once for all test files, until a file changes. */
export function packPreftune(): Packed {
  const sources = ENTRIES.filter((name) => name !== 'test' && name !== 'bench').map((name) => join(REPOSITORY, name));
  const home = join(CACHE, `pack-${Math.floor(newest(sources))}`);
  mkdirSync(CACHE, { recursive: true });
  oneAtATime(join(CACHE, 'pack.lock'), () => {
    if (existsSync(home)) return;
    // A package is 90 MB: those of older sources go, but not what another checkout may be using.
    for (const name of readdirSync(CACHE)) {
      const isOld = /^(pack-\d+|unpacked-)/.test(name) && statSync(join(CACHE, name)).mtimeMs < Date.now() - KEPT_MS;
      if (isOld) rmSync(join(CACHE, name), { recursive: true, force: true });
    }
    // Outside of node_modules: declarations name what they import by paths that depend on where they are built.
    const stage = mkdtempSync(join(tmpdir(), 'preftune-pack-'));
    for (const name of ENTRIES) cpSync(join(REPOSITORY, name), join(stage, name), { recursive: true });
    symlinkSync(join(REPOSITORY, 'node_modules'), join(stage, 'node_modules'));
    const npm = (...words: string[]): string =>
      execFileSync('npm', words, { cwd: stage, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    npm('run', '--silent', 'build');
    const done = mkdtempSync(join(CACHE, 'unpacked-'));
    writeFileSync(join(done, 'pack.json'), npm('pack', '--json', '--silent', '--pack-destination', done));
    rmSync(stage, { recursive: true, force: true });
    try {
      renameSync(done, home);
    } catch (error) {
      rmSync(done, { recursive: true, force: true });
      if (!existsSync(home)) throw error;
    }
  });
  const [packed] = JSON.parse(readFileSync(join(home, 'pack.json'), 'utf8')) as [
    { filename: string; files: PackedFile[] },
  ];
  return { tarball: join(home, packed.filename), files: packed.files };
}

interface LockEntry {
  readonly dev?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
}

/** Paths of what `npm install preftune` brings besides it, as the lock file has them: node_modules/zod, ... */
function installedPaths(): string[] {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, LockEntry>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, entry]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && entry.dev !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(REPOSITORY, path)));
}

export interface PackedProject {
  /** A folder outside the repository, with a package.json of type module. */
  readonly path: string;
  /** Runs a script as a file of the project and gives what it prints. */
  run(script: string): string;
  /** Runs `npx preftune ...words` in the project. */
  preftune(words: readonly string[]): Promise<Ended>;
  /** What tsc (`compiler`, else ours) says of files of the project, in strict mode with every declaration checked; '' when all is well. With `outDir` they are compiled. */
  compile(files: readonly string[], options?: Readonly<Record<string, unknown>>, compiler?: string): string;
  remove(): void;
}

/** Symbolic links stay in the project, so that a package finds what is installed beside it and nothing else. */
const STAY = '--preserve-symlinks';

/** The commands of the package, as npm links them. */
function linkCommands(modules: string): void {
  const { bin } = JSON.parse(readFileSync(join(modules, 'preftune', 'package.json'), 'utf8')) as Required<LockEntry>;
  mkdirSync(join(modules, '.bin'));
  for (const [name, file] of Object.entries(bin)) {
    chmodSync(join(modules, 'preftune', file), 0o755);
    symlinkSync(join('..', 'preftune', file), join(modules, '.bin', name));
  }
}

/** An empty project with the packed preftune and its dependencies. */
export function createPackedProject(): PackedProject {
  const path = mkdtempSync(join(tmpdir(), 'preftune-project-'));
  const installed = join(path, 'node_modules', 'preftune');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', packPreftune().tarball, '-C', installed, '--strip-components=1']);
  for (const dependency of installedPaths()) {
    mkdirSync(dirname(join(path, dependency)), { recursive: true });
    symlinkSync(join(REPOSITORY, dependency), join(path, dependency));
  }
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }');
  linkCommands(join(path, 'node_modules'));
  const run = (script: string): string => {
    const file = join(path, 'script.js');
    writeFileSync(file, script);
    return execFileSync(process.execPath, [STAY, file], { cwd: path, encoding: 'utf8' });
  };
  const preftune = (words: readonly string[]): Promise<Ended> =>
    endOf('npx', ['--offline', 'preftune', ...words], { cwd: path, env: { ...process.env, NODE_OPTIONS: STAY } });
  const ours = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  const compile: PackedProject['compile'] = (files, options = {}, compiler = ours) => {
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      module: 'nodenext',
      target: 'esnext',
      types: [],
      preserveSymlinks: true,
      noEmit: !('outDir' in options),
      ...options,
    };
    writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    try {
      return execFileSync(process.execPath, [compiler, '-p', '.'], { cwd: path, encoding: 'utf8' });
    } catch (thrown) {
      return (thrown as { stdout: string }).stdout;
    }
  };
  return { path, run, preftune, compile, remove: () => rmSync(path, { recursive: true, force: true }) };
}
