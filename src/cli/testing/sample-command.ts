/** A command line with one command, for this folder's tests: it prints what it was given, or works until it is told to stop. */
import type { Command, CommandEntry } from '../frame/command.ts';
import { runFailed, PreftuneError } from '../../core/index.ts';
import { runCli } from '../frame/frame.ts';
import { endByInterrupt } from '../frame/interrupt.ts';

export const SAMPLE: Command = {
  name: 'tune model',
  description: 'Tunes a model',
  takesConfig: true,
  arguments: [{ name: 'data', help: 'files of pairs', isVariadic: true }],
  options: [
    {
      flag: '--model',
      alias: '-m',
      type: 'string',
      help: 'folder, .gguf file or hub id',
      isRequired: true,
      group: 'Model:',
    },
    {
      flag: '--lora.rank',
      alias: '--rank',
      type: 'integer',
      default: 16,
      help: 'columns of each adapter',
      group: 'Adapter:',
    },
    {
      flag: '--lora.targets',
      type: 'list',
      default: ['q_proj', 'v_proj'],
      help: 'layers with an adapter',
      group: 'Adapter:',
    },
    { flag: '--learning-rate', type: 'number', default: 5e-5, help: 'largest step size of the schedule' },
    { flag: '--objective', type: ['sigmoid', 'hinge', 'ipo'], default: 'sigmoid', help: 'loss' },
    { flag: '--tensorboard', type: 'boolean', default: true, help: 'write event files' },
    { flag: '--resume', type: 'boolean', help: 'continue the run in --output' },
    { flag: '--extra', type: 'json', help: 'further fields' },
    { flag: '--work', type: ['print', 'wait', 'fail', 'break'], default: 'print', help: 'what to do' },
  ],
  async run({ given, options, args, terminal, signal }) {
    if (options['work'] === 'fail')
      throw runFailed('train: loss must be finite, got NaN at step 3; lower --learning-rate');
    if (options['work'] === 'break') throw new RangeError('index 7 of 3');
    if (options['work'] === 'wait') {
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
    terminal.result({ given, options, args: [...args] }, `model ${String(options['model'])}`);
  },
};

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
