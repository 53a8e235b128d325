import { EventEmitter } from 'node:events';
import type { CommandEntry } from '../frame/command.ts';
import { COMMANDS } from '../commands.ts';
import { insteadOf } from '../start/wished-commands.ts';
import { runCli } from '../frame/frame.ts';

/** What is around a command. */
export interface RunSurroundings {
  readonly environment?: Readonly<Record<string, string>>;
  /** SIGINT emitted here is Ctrl-C. */
  readonly signals?: EventEmitter;
}

/** What `preftune ...words` prints and ends with, run in this process: 0 done, 1 failed, 2 wrong usage or bad input. For tests of commands. */
export async function runWords(
  words: readonly string[],
  commands: readonly CommandEntry[] = COMMANDS,
  { environment = {}, signals = new EventEmitter() }: RunSurroundings = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(words, {
    version: '0.0.0',
    commands,
    instead: async (word) => insteadOf(word),
    process: {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      environment: { NO_COLOR: '1', COLUMNS: '100', HF_HUB_OFFLINE: '1', ...environment },
      signals,
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}
