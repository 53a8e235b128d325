#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { COMMANDS } from './commands.ts';
import { runCli } from './frame/frame.ts';
import { endByInterrupt } from './frame/interrupt.ts';

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
    endAtOnce: endByInterrupt,
  },
});
