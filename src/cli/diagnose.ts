import { z } from 'zod';
import type { JsonObject } from '../core/index.ts';
import { diagnose, readRunLog, renderVerdict, withSamples } from '../monitor/index.ts';
import { option } from '../options/index.ts';
import { defineCommand } from './frame/command.ts';
import { MONITOR } from './training/training-options.ts';

/** `preftune diagnose`: the checks that watch a run, over the metrics of one that is over. */
export const DIAGNOSE = defineCommand({
  name: 'diagnose',
  description: "Says what went wrong in a run, ours or TRL's, by its metrics, and what to change",
  arguments: [
    {
      name: 'run',
      help: 'run folder, metrics.jsonl, or trainer_state.json of Transformers and TRL (or the folder that holds it)',
      isRequired: true,
    },
  ],
  examples: [
    { does: 'a run of preftune', words: 'run' },
    { does: 'a run of TRL', words: 'trainer_state.json' },
  ],
  options: z.strictObject({
    monitor: MONITOR,
    beta: option(z.number().positive().optional(), {
      help: 'of a run that is not ours',
      usually: 'measured, else 0.1',
      group: 'Run',
    }),
  }),
  async run({ monitor = {}, beta }, { args, terminal }) {
    const { file, records, facts, samples } = readRunLog(args[0]!);
    const verdict = await withSamples(
      diagnose(records, beta === undefined ? facts : { ...facts, beta }, monitor),
      samples,
    );
    terminal.result({ file, ...verdict } as unknown as JsonObject, renderVerdict(verdict));
  },
});
