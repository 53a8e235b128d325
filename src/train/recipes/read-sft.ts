import { loadCompletions, type TextMode, type TokenizedCompletion } from '../../data/index.ts';
import { loadOptions, type RunInputs } from '../../policy/index.ts';
import { planStages, type SftSpecification, type Stage } from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { makePlan, type PreparedPlan } from '../plan/make-plan.ts';
import { chooseSettings, tellFewSteps } from './choose-settings.ts';
import { loadTrainingData, type TrainingData } from '../training-data.ts';

/** What an sft run knows before a model is loaded. */
export interface ReadSft {
  /** With the settings that were chosen by the number of rows. */
  readonly specification: SftSpecification;
  readonly data: TrainingData<TokenizedCompletion>;
  readonly stages: readonly Stage[];
  /** How rows of texts became tokens. */
  readonly textRows: TextMode;
  readonly prepared: PreparedPlan;
}

/** Reads the rows and plans the run. Throws as loadTrainingData does. */
export async function readSft(
  given: SftSpecification,
  { inputs, context }: { readonly inputs: RunInputs; readonly context: RecipeContext },
): Promise<ReadSft> {
  const { chosenOfPairs, compat } = given;
  const trl = compat && ({ version: compat, trainer: 'sft' } as const);
  const options = loadOptions(given, trl, { inputs, context });
  const data = await loadTrainingData(given, { inputs, context }, (sources) =>
    loadCompletions(sources, {
      ...options,
      chosenOfPairs,
      lastTurnOnly: given.loss !== 'completion',
    }),
  );
  const counts = { rows: data.train.count, recipe: 'sft' } as const;
  const specification = chooseSettings(given, counts, context);
  const stages = planStages(data.train.count, specification);
  tellFewSteps(specification, stages, { counts, context });
  const { textRows } = options;
  return {
    specification,
    data,
    stages,
    textRows,
    prepared: makePlan({ recipe: 'sft', specification, inputs, data, stages, context }),
  };
}
