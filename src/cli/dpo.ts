import { parseDpoSpecification, trainDpo } from '../train/index.ts';
import type { Command } from './command.ts';
import { runTraining } from './run-training.ts';
import { recipeOptions, REFERENCE_CACHE, RESUME, SHOW_TOKENS } from './training-options.ts';

/** `preftune dpo`: preference optimization of a model on pairs of answers. */
export const DPO: Command = {
  name: 'dpo',
  description: 'Trains a model on pairs of answers, the better one against the worse',
  takesConfig: true,
  options: [...recipeOptions('dpo'), REFERENCE_CACHE, RESUME, SHOW_TOKENS],
  run: (context) => runTraining({ recipe: 'dpo', parse: parseDpoSpecification, train: trainDpo }, context),
};
