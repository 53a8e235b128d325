import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runFailed } from '../../src/core/index.ts';

/**
 * What a side of the comparison writes on its standard output, one JSON object a line. It reads `step` and `stop` from its
 * standard input: the process stays alive between its steps, so that two sides can take turns without starting anew.
 */
export type SideEvent =
  | {
      readonly event: 'ready';
      /** Seconds that the reference took, 0 where it is computed inside the steps. */
      readonly seconds_precompute: number;
      readonly pairs_precomputed: number;
      readonly threads: number;
      readonly versions: Readonly<Record<string, string>>;
    }
  | {
      readonly event: 'step';
      readonly seconds: number;
      readonly loss: number;
      /** Tokens that the model read, padding and repeated prompts included. */
      readonly tokens: number;
      readonly minor_page_faults: number;
    }
  | { readonly event: 'end'; readonly peak_rss_mb: number; readonly minor_page_faults: number };

type EventOf<K extends SideEvent['event']> = Extract<SideEvent, { readonly event: K }>;

/** One side: a child process that takes steps when told to. */
export interface Side {
  readonly name: string;
  /** From the start of the process until it could step, the reference left out. */
  readonly startSeconds: number;
  readonly ready: EventOf<'ready'>;
  step(): Promise<EventOf<'step'>>;
  /** Ends the process and gives what it used. */
  stop(): Promise<EventOf<'end'>>;
  /** Ends the process at once. */
  kill(): void;
}

export interface SideCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The end of its error output that a side's failure is told with. */
const MAX_ERROR_CHARACTERS = 4000;

/** Starts a side and waits until it can step. Throws run-failed with the end of its error output when it ends before that. */
export async function startSide({ name, command, args, environment }: SideCommand): Promise<Side> {
  const started = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] });
  const next = eventReader(name, child);
  try {
    const ready = await next('ready');
    return {
      name,
      startSeconds: (performance.now() - started) / 1000 - ready.seconds_precompute,
      ready,
      step: () => {
        child.stdin.write('step\n');
        return next('step');
      },
      stop: () => {
        child.stdin.end('stop\n');
        return next('end');
      },
      kill: () => void child.kill('SIGKILL'),
    };
  } catch (thrown) {
    child.kill('SIGKILL');
    throw thrown;
  }
}

/** Reads events in the order in which they are expected. */
function eventReader(
  name: string,
  child: ChildProcess,
): <K extends SideEvent['event']>(kind: K) => Promise<EventOf<K>> {
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-MAX_ERROR_CHARACTERS);
  });
  // A side that has ended cannot be written to; its end is told below.
  child.stdin!.on('error', () => undefined);
  const failed = new Promise<never>((_, reject) => {
    child.on('error', (cause) => reject(runFailed(`${name}: the process must start, got ${cause.message}`, { cause })));
    child.on('close', (code, signal) =>
      reject(runFailed(`${name}: the process must run to its end, it ended with ${signal ?? code}:\n${errors.trim()}`)),
    );
  });
  failed.catch(() => undefined);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async (kind) => {
    const line = await Promise.race([lines.next(), failed]);
    // The output ends a moment before the process does, which says why.
    if (line.done === true) return failed;
    const event = parseEvent(line.value);
    if (event?.event !== kind) {
      throw runFailed(`${name}: an event "${kind}" must follow, got ${JSON.stringify(line.value.slice(0, 200))}`);
    }
    return event as EventOf<typeof kind>;
  };
}

function parseEvent(line: string): SideEvent | undefined {
  try {
    return JSON.parse(line) as SideEvent;
  } catch {
    return undefined;
  }
}
