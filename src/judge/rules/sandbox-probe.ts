import { spawn } from 'node:child_process';
import { PYTHON_GUARD } from './sandbox-python.ts';

/** What this machine has for running code apart. */
export interface SandboxAbilities {
  /** Command that takes the network away, and lets nothing outlive the program; undefined where it does not work. */
  readonly unshare: readonly string[] | undefined;
  /** Node under its permission model. */
  readonly node: readonly string[];
  /** Python with its guard; undefined where there is no python3. */
  readonly python: readonly string[] | undefined;
}

/** From the best on: a process tree of its own needs one more right than a network of its own. */
const UNSHARE: readonly (readonly string[])[] = [
  ['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child'],
  ['unshare', '--user', '--map-root-user', '--net'],
];

let probed: Promise<SandboxAbilities> | undefined;

/** Tries once what there is: every means is run, not looked up. */
export function probeSandbox(): Promise<SandboxAbilities> {
  probed ??= probe();
  return probed;
}

async function probe(): Promise<SandboxAbilities> {
  let unshare: readonly string[] | undefined;
  for (const command of UNSHARE) {
    if ((await outputOf([...command, 'true'])) === undefined) continue;
    unshare = command;
    break;
  }
  // Where python3 is a launcher (pyenv, a virtual environment) the interpreter itself is needed: it gets no environment.
  const python = (
    await outputOf(['python3', '-I', '-c', 'import os, sys; print(os.path.realpath(sys.executable))'])
  )?.trim();
  return {
    unshare,
    node: [process.execPath, permissionFlag(), '--disable-warning=ExperimentalWarning', '--disable-proto=delete'],
    python: python === undefined || python === '' ? undefined : [python, '-I', '-S', '-c', PYTHON_GUARD],
  };
}

/** Its name until Node 23.5. */
function permissionFlag(): string {
  return process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
}

/** Standard output of a command that ends well within ten seconds. */
function outputOf([file, ...args]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000, killSignal: 'SIGKILL' });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    child.once('error', () => resolve(undefined));
    child.once('close', (status) => resolve(status === 0 ? text : undefined));
  });
}
