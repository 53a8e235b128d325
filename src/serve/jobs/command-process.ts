import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { isObject, type JsonObject } from '../../core/index.ts';

/** A line of stderr of a command under --json; see the events of preftune/cli. */
export type CommandEvent = JsonObject & { readonly event: string };

export interface CommandEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** What it said on stderr that was no event. */
  readonly lastWords: string;
  /** What it said on stdout: its result. */
  readonly result: string;
}

export interface CommandProcess {
  readonly ended: Promise<CommandEnd>;
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  /** Asks it to stop after its step, with a checkpoint. */
  stop(): void;
  /** Whether it was asked to. */
  readonly isStopped: boolean;
}

export interface CommandProcessOptions {
  /** Program and words that run preftune: node, its flags, main.js. */
  readonly command: readonly string[];
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onEvent: (event: CommandEvent) => void;
}

/** Lower than everything that answers people. */
const PRIORITY = 10;
const LAST_WORDS = 2000;
const MOST_RESULT = 2 ** 20;

/** Runs a command of preftune beside the server, behind it in the queue for processors. */
export function startCommand({ command, words, environment, onEvent }: CommandProcessOptions): CommandProcess {
  const [program, ...before] = command as [string, ...string[]];
  // A group of its own: Ctrl-C in a terminal is for the server, which then stops its jobs itself.
  const child = spawn(program, [...before, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: environment,
  });
  let [lastWords, result] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result = `${result}${text}`.slice(0, MOST_RESULT)));
  createInterface({ input: child.stderr }).on('line', (line) => {
    const event = eventOf(line);
    if (event !== undefined) onEvent(event);
    else lastWords = `${lastWords}${line}\n`.slice(-LAST_WORDS);
  });
  child.on('spawn', () => {
    try {
      setPriority(child.pid!, PRIORITY);
    } catch {
      // Some systems do not let us; the command works all the same.
    }
  });
  const ended = new Promise<CommandEnd>((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, lastWords: error.message, result }));
    child.on('close', (code, signal) => resolve({ code, signal, lastWords: lastWords.trim(), result }));
  });
  let isStopped = false;
  return {
    ended,
    pid: child.pid,
    stop: () => {
      isStopped = true;
      child.kill('SIGTERM');
    },
    get isStopped() {
      return isStopped;
    },
  };
}

function eventOf(line: string): CommandEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && typeof value['event'] === 'string' ? (value as CommandEvent) : undefined;
  } catch {
    return undefined;
  }
}
