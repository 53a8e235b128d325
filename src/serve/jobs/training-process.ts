import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { isObject, type JsonObject } from '../../core/index.ts';

/** A line of stderr of a training command under --json; see the events of preftune/cli. */
export type TrainingEvent = JsonObject & { readonly event: string };

export interface TrainingProcess {
  /** How it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly lastWords: string }>;
  /** Asks it to stop after its step, with a checkpoint. */
  stop(): void;
  /** Whether it was asked to. */
  readonly isStopped: boolean;
}

export interface TrainingProcessOptions {
  /** Program and words that run preftune: node, its flags, main.js. */
  readonly command: readonly string[];
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onEvent: (event: TrainingEvent) => void;
}

/** Lower than everything that answers people. */
const PRIORITY = 10;
const LAST_WORDS = 2000;

/** Runs a command of preftune beside the server, behind it in the queue for processors. */
export function startTraining({ command, words, environment, onEvent }: TrainingProcessOptions): TrainingProcess {
  const [program, ...before] = command as [string, ...string[]];
  // A group of its own: Ctrl-C in a terminal is for the server, which then stops its jobs itself.
  const child = spawn(program, [...before, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env: environment,
  });
  let lastWords = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    const event = eventOf(line);
    if (event !== undefined) onEvent(event);
    else lastWords = `${lastWords}${line}\n`.slice(-LAST_WORDS);
  });
  child.on('spawn', () => {
    try {
      setPriority(child.pid!, PRIORITY);
    } catch {
      // Some systems do not let us; the job trains all the same.
    }
  });
  const ended = new Promise<Awaited<TrainingProcess['ended']>>((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, lastWords: error.message }));
    child.on('close', (code, signal) => resolve({ code, signal, lastWords: lastWords.trim() }));
  });
  let isStopped = false;
  return {
    ended,
    stop: () => {
      isStopped = true;
      child.kill('SIGTERM');
    },
    get isStopped() {
      return isStopped;
    },
  };
}

function eventOf(line: string): TrainingEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && typeof value['event'] === 'string' ? (value as TrainingEvent) : undefined;
  } catch {
    return undefined;
  }
}
