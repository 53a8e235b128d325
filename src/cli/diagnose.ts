import type { JsonObject } from '../core/index.ts';
import { diagnose, parseThresholds, readRunLog, renderVerdict } from '../monitor/index.ts';
import type { Command } from './frame/command.ts';
import { MONITOR } from './training/training-options.ts';

/** `preftune diagnose`: the checks that watch a run, over the metrics of one that is over. */
export const DIAGNOSE: Command = {
  name: 'diagnose',
  description: "Says what went wrong in a run, ours or TRL's, by its metrics, and what to change",
  arguments: [
    {
      name: 'run',
      help: 'run folder, metrics.jsonl, or trainer_state.json of Transformers and TRL (or the folder that holds it)',
      isRequired: true,
    },
  ],
  options: [
    MONITOR,
    { flag: '--beta', type: 'number', help: 'of a run that is not ours; default: measured, else 0.1', group: 'Run:' },
  ],
  check: ({ monitor }) => void (monitor !== undefined && parseThresholds(monitor)),
  async run({ args, options, terminal }) {
    const { file, records, facts } = readRunLog(args[0]!);
    const thresholds = options['monitor'] === undefined ? {} : parseThresholds(options['monitor']);
    const { beta } = options;
    const verdict = diagnose(records, typeof beta === 'number' ? { ...facts, beta } : facts, thresholds);
    terminal.result({ file, ...verdict } as unknown as JsonObject, renderVerdict(verdict));
  },
};
