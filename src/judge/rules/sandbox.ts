import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { badInput } from '../../core/index.ts';
import { probeSandbox, type SandboxAbilities } from './sandbox-probe.ts';

export const SANDBOX_LANGUAGES = ['javascript', 'python'] as const;
export type SandboxLanguage = (typeof SANDBOX_LANGUAGES)[number];

export interface SandboxOptions {
  readonly language: SandboxLanguage;
  /** Wall time; default 10,000. Processor time is limited to the same, rounded up to seconds. */
  readonly timeLimitMs?: number;
  /** Writable memory of the process; default 512. */
  readonly memoryMiB?: number;
  /** Output, stdout and stderr together, after which it is ended; default 65,536. */
  readonly outputBytes?: number;
  /** Run also where the network cannot be taken away; default false. */
  readonly allowNetwork?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface SandboxResult {
  /** exited by itself, or ended by us: out of time, too much output, the caller's signal. */
  readonly end: 'exited' | 'time' | 'output' | 'cancelled';
  /** Exit status; null when a signal ended it (memory, processor time). */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isNetworkCut: boolean;
}

/**
 * Runs a program, given as text, in a process of its own: an empty folder as its place, no environment variables (so no keys), limits on wall time, processor time,
 * memory, output and files, no network where Linux lets us make a network namespace. JavaScript runs under Node's permission model (no files, no child processes,
 * no workers); Python is isolated (-I -S: the standard library only) and has an audit hook that refuses files outside its library, sockets, processes and ctypes.
 *
 * It holds careless and clumsy code. It is no jail for an attacker: Node and Python both say so of these means. Throws bad-input where the language is not there, on Windows, or the network cannot be
 * taken away and `allowNetwork` is not set.
 * Source: setrlimit(2), unshare(1); Node.js "Permissions"; PEP 578.
 */
export async function runSandboxed(source: string, options: SandboxOptions): Promise<SandboxResult> {
  const abilities = await probeSandbox();
  const { language, allowNetwork = false } = options;
  const interpreter = language === 'python' ? abilities.python : abilities.node;
  if (interpreter === undefined)
    throw badInput(`sandbox: ${language} must be installed to run it, got none; install python3 or leave the rule out`);
  if (process.platform === 'win32')
    throw badInput(
      'sandbox: code is run by a POSIX shell that sets its limits, got Windows; use WSL, or leave the rule out',
    );
  if (abilities.unshare === undefined && !allowNetwork) {
    throw badInput(
      'sandbox: the network must be taken away from code that runs, which needs unprivileged user namespaces (Linux, unshare); run it in a container without a network and set allowNetwork',
    );
  }
  const folder = await mkdtemp(join(tmpdir(), 'preftune-sandbox-'));
  try {
    return await runIn(folder, { source, interpreter, abilities, options });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Limits are set by the shell that becomes the interpreter: processor seconds, kilobytes of data, no files, no core. */
const LIMITS = 'ulimit -c 0; ulimit -f 0; ulimit -t "$1"; ulimit -d "$2" 2>/dev/null; shift 2; exec "$@"';

async function runIn(
  folder: string,
  run: {
    readonly source: string;
    readonly interpreter: readonly string[];
    readonly abilities: SandboxAbilities;
    readonly options: SandboxOptions;
  },
): Promise<SandboxResult> {
  const { source, interpreter, abilities, options } = run;
  const { timeLimitMs = 10_000, memoryMiB = 512, outputBytes = 65_536, signal, language } = options;
  const heap = language === 'javascript' ? [`--max-old-space-size=${memoryMiB}`, ...moduleFlag(source), '-'] : [];
  const limits = ['sh', '-c', LIMITS, 'sh', String(Math.ceil(timeLimitMs / 1000)), String(memoryMiB * 1024)];
  const [file, ...args] = [...(abilities.unshare ?? []), ...limits, ...interpreter, ...heap];
  const child = spawn(file!, args, {
    cwd: folder,
    // unshare and sh are looked up by it; the program sees nothing else.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let end: SandboxResult['end'] = 'exited';
  const stop = (reason: SandboxResult['end']): void => {
    if (end === 'exited') end = reason;
    // The whole group: what it started must not outlive it.
    if (child.pid !== undefined) killGroup(child.pid);
  };
  const timer = setTimeout(() => stop('time'), timeLimitMs);
  const cancel = (): void => stop('cancelled');
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
  let sizeBytes = 0;
  const texts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      const room = outputBytes - sizeBytes;
      sizeBytes += chunk.length;
      if (room > 0) texts[name].push(chunk.subarray(0, room));
      if (sizeBytes > outputBytes) stop('output');
    });
  // A program that ends before it was read whole closes the pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(source);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const text = (name: 'stdout' | 'stderr'): string => Buffer.concat(texts[name]).toString('utf8');
    return {
      end,
      status,
      stdout: text('stdout'),
      stderr: text('stderr'),
      isNetworkCut: abilities.unshare !== undefined,
    };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
    if (child.pid !== undefined) killGroup(child.pid);
  }
}

/** Programs with import or export at the beginning of a line, or await outside functions, are modules. */
function moduleFlag(source: string): string[] {
  return /^(?:import\s*[\w{*'"]|export\s|await\s)/m.test(source) ? ['--input-type=module'] : [];
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
