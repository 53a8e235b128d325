import { parseSftSpecification, trainSft } from '../train/index.ts';
import type { Command } from './command.ts';
import { runTraining } from './run-training.ts';
import { recipeOptions, RESUME, SHOW_TOKENS } from './training-options.ts';

/** `preftune sft`: supervised fine-tuning on answers or on plain text. */
export const SFT: Command = {
  name: 'sft',
  description: 'Trains a model on answers to prompts, or on plain text',
  takesConfig: true,
  options: [...recipeOptions('sft'), RESUME, SHOW_TOKENS],
  run: (context) => runTraining({ recipe: 'sft', parse: parseSftSpecification, train: trainSft }, context),
};
