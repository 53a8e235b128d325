import { z } from 'zod';
import { SCHEMAS, sftProblems, sftSpecificationOf, TRAINING_GROUPS } from '../../specification/index.ts';
import { planSft, trainSft } from '../../train/index.ts';
import { defineCommand } from '../frame/command.ts';
import { resumedGiven, runTraining } from './run-training.ts';
import { RUN_SHAPE, autoProblems } from './training-options.ts';

/** `preftune sft`: supervised fine-tuning on answers or on plain text. */
export const SFT = defineCommand({
  name: 'sft',
  hasEvents: true,
  description: 'Trains a model on answers to prompts, or on plain text',
  takesConfig: true,
  groups: TRAINING_GROUPS,
  examples: [
    {
      does: 'answers to prompts, before pairs',
      words: '--model HuggingFaceTB/SmolLM2-135M-Instruct --data answers.jsonl --output run-sft',
    },
    {
      does: 'three passes, a tenth held out',
      words:
        '--model HuggingFaceTB/SmolLM2-135M-Instruct --data answers.jsonl --epochs 3 --held-out-fraction 0.1 --output run-sft',
    },
  ],
  options: z.strictObject({ ...SCHEMAS.sft.shape, ...RUN_SHAPE }),
  complete: (given) => resumedGiven('sft', given),
  check: (options, { given }) => [...sftProblems(options, given), ...autoProblems(options, given)],
  run: (options, context) =>
    runTraining(
      { recipe: 'sft', specification: sftSpecificationOf(options), train: trainSft, plan: planSft },
      options,
      context,
    ),
});
