import { z } from 'zod';
import { dpoProblems, dpoSpecificationOf, SCHEMAS, TRAINING_GROUPS } from '../../specification/index.ts';
import { planDpo, trainDpo } from '../../train/index.ts';
import { defineCommand } from '../frame/command.ts';
import { resumedGiven, runTraining } from './run-training.ts';
import { REFERENCE_CACHE, RUN_SHAPE, autoProblems } from './training-options.ts';

/** `preftune dpo`: preference optimization of a model on pairs of answers. */
export const DPO = defineCommand({
  name: 'dpo',
  hasEvents: true,
  description: 'Trains a model on pairs of answers, the better one against the worse',
  takesConfig: true,
  groups: TRAINING_GROUPS,
  examples: [
    {
      does: 'an adapter from your own pairs, a tenth of them held out',
      words: '--model HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.jsonl --held-out-fraction 0.1 --output run',
    },
    {
      does: 'another loss, on a GGUF file, with an adapter of rank 8',
      words: '--model model.gguf --data pairs.jsonl --objective simpo --rank 8 --output run-simpo',
    },
    { does: 'everything in a file, which preftune init writes', words: '--config run.yaml' },
  ],
  options: z.strictObject({ ...SCHEMAS.dpo.shape, ...RUN_SHAPE, referenceCache: REFERENCE_CACHE }),
  complete: (given) => resumedGiven('dpo', given),
  check: (options, { given }) => [...dpoProblems(options, given), ...autoProblems(options, given)],
  run: (options, context) =>
    runTraining(
      { recipe: 'dpo', specification: dpoSpecificationOf(options), train: trainDpo, plan: planDpo },
      options,
      context,
    ),
});
