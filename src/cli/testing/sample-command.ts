/** A command line with one command, for this folder's tests: it prints what it was given, or works until it is told to stop. */
import { z } from 'zod';
import { runFailed, PreftuneError, type JsonValue } from '../../core/index.ts';
import { grouped, option } from '../../options/index.ts';
import { defineCommand, type CommandEntry } from '../frame/command.ts';
import { runCli } from '../frame/frame.ts';
import { endByInterrupt } from '../frame/interrupt.ts';

export const SAMPLE = defineCommand({
  name: 'tune model',
  description: 'Tunes a model',
  takesConfig: true,
  arguments: [{ name: 'data', help: 'files of pairs', isVariadic: true }],
  options: z.strictObject({
    model: option(z.string(), { help: 'folder, .gguf file or hub id', alias: '-m', group: 'Model' }),
    lora: z
      .strictObject(
        grouped('Adapter', {
          rank: option(z.int().min(1).default(16), { help: 'columns of each adapter', alias: '--rank' }),
          targets: option(z.array(z.string()).min(1).default(['q_proj', 'v_proj']), {
            help: 'layers with an adapter',
          }),
        }),
      )
      .prefault({}),
    learningRate: option(z.number().positive().default(5e-5), { help: 'largest step size of the schedule' }),
    objective: option(z.enum(['sigmoid', 'hinge', 'ipo']).default('sigmoid'), { help: 'loss' }),
    tensorboard: option(z.boolean().default(true), { help: 'write event files' }),
    resume: option(z.boolean().optional(), { help: 'continue the run in --output' }),
    extra: option(z.record(z.string(), z.unknown()).optional(), { help: 'further fields' }),
    work: option(z.enum(['print', 'wait', 'fail', 'break']).default('print'), { help: 'what to do' }),
  }),
  check: ({ objective, learningRate }) =>
    objective === 'ipo' && learningRate > 1
      ? [
          {
            path: 'learningRate',
            message: `--learning-rate must be at most 1 with --objective ipo, got ${learningRate}`,
          },
        ]
      : [],
  async run(options, { given, args, terminal, signal }) {
    if (options.work === 'fail')
      throw runFailed('train: loss must be finite, got NaN at step 3; lower --learning-rate');
    if (options.work === 'break') throw new RangeError('index 7 of 3');
    if (options.work === 'wait') {
      terminal.note('working');
      const bar = terminal.progress('tune');
      bar.update({ done: 1, total: 10 });
      const keepAlive = setInterval(() => undefined, 1000);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      // Saving takes until the second Ctrl-C, when the test wants one.
      if (args.includes('slow')) await new Promise(() => undefined);
      clearInterval(keepAlive);
      throw new PreftuneError('cancelled', 'tune: stopped after step 1; continue with --resume');
    }
    terminal.result({ given, options, args: [...args] } as unknown as JsonValue, `model ${options.model}`);
  },
});

export const SAMPLE_COMMANDS: readonly CommandEntry[] = [
  { name: SAMPLE.name, description: SAMPLE.description, load: async () => SAMPLE },
  { name: 'tune data', description: 'Prepares data', load: async () => ({ ...SAMPLE, name: 'tune data' }) },
  { name: 'doctor', description: 'Looks around', load: async () => ({ ...SAMPLE, name: 'doctor' }) },
];

if (process.argv[1] === import.meta.filename) {
  process.exitCode = await runCli(process.argv.slice(2), {
    version: '1.2.3',
    commands: SAMPLE_COMMANDS,
    process: {
      stdout: process.stdout,
      stderr: process.stderr,
      environment: process.env,
      signals: process,
      endAtOnce: endByInterrupt,
    },
  });
}
