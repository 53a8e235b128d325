#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import type { CommandEntry } from './command.ts';
import { runCli } from './frame.ts';

/** Every command, in the order of --help. Its code is loaded when it is asked for. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'doctor',
    description: 'Shows what preftune can use of this machine, and what would stop it',
    load: async () => (await import('./doctor.ts')).createDoctor(async () => []),
  },
];

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// A reader that stopped reading (`| head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

process.exitCode = await runCli(process.argv.slice(2), {
  version,
  commands: COMMANDS,
  process: {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    signals: process,
    exit: (code) => process.exit(code),
  },
});
