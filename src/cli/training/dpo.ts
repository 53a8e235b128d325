import { parseDpoSpecification } from '../../specification/index.ts';
import { trainDpo } from '../../train/index.ts';
import type { Command } from '../frame/command.ts';
import { runTraining, specificationOf } from './run-training.ts';
import { MONITOR, recipeOptions, REFERENCE_CACHE, RESUME, SHOW_TOKENS, STOP_ON } from './training-options.ts';

const TRAINING = { recipe: 'dpo', parse: parseDpoSpecification, train: trainDpo } as const;

/** `preftune dpo`: preference optimization of a model on pairs of answers. */
export const DPO: Command = {
  name: 'dpo',
  description: 'Trains a model on pairs of answers, the better one against the worse',
  takesConfig: true,
  options: [...recipeOptions('dpo'), REFERENCE_CACHE, RESUME, STOP_ON, MONITOR, SHOW_TOKENS],
  check: (given) => void specificationOf(TRAINING, given),
  run: (context) => runTraining(TRAINING, context),
};
