#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { nodeProblem } from './frame/node-version.ts';

// An older Node fails in what the commands import, so it is told before they are.
const problem = nodeProblem(process.versions.node);
if (problem === undefined) await run();
else {
  process.stderr.write(`preftune: node: ${problem}\n`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const [{ COMMANDS }, { runCli }, { endByInterrupt }] = await Promise.all([
    import('./commands.ts'),
    import('./frame/frame.ts'),
    import('./frame/interrupt.ts'),
  ]);
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
    instead: async (word) => (await import('./start/wished-commands.ts')).insteadOf(word),
    process: {
      stdout: process.stdout,
      stderr: process.stderr,
      environment: process.env,
      signals: process,
      endAtOnce: endByInterrupt,
    },
  });
}
