import { parseSftSpecification } from '../../specification/index.ts';
import { trainSft } from '../../train/index.ts';
import type { Command } from '../frame/command.ts';
import { runTraining, specificationOf } from './run-training.ts';
import { MONITOR, recipeOptions, RESUME, SHOW_TOKENS, STOP_ON } from './training-options.ts';

const TRAINING = { recipe: 'sft', parse: parseSftSpecification, train: trainSft } as const;

/** `preftune sft`: supervised fine-tuning on answers or on plain text. */
export const SFT: Command = {
  name: 'sft',
  description: 'Trains a model on answers to prompts, or on plain text',
  takesConfig: true,
  options: [...recipeOptions('sft'), RESUME, STOP_ON, MONITOR, SHOW_TOKENS],
  check: (given) => void specificationOf(TRAINING, given),
  run: (context) => runTraining(TRAINING, context),
};
