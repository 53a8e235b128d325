import { loadCompletions, type TextMode, type TokenizedCompletion } from '../../data/index.ts';
import { loadOptions, type RunInputs } from '../../policy/index.ts';
import { planStages, type SftSpecification, type Stage } from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { makePlan, type PreparedPlan } from '../plan/make-plan.ts';
import { loadTrainingData, type TrainingData } from '../training-data.ts';

/** What an sft run knows before a model is loaded. */
export interface ReadSft {
  readonly data: TrainingData<TokenizedCompletion>;
  readonly stages: readonly Stage[];
  /** How rows of texts became tokens. */
  readonly textRows: TextMode;
  readonly prepared: PreparedPlan;
}

/** Reads the rows and plans the run. Throws as loadTrainingData does. */
export async function readSft(
  specification: SftSpecification,
  { inputs, context }: { readonly inputs: RunInputs; readonly context: RecipeContext },
): Promise<ReadSft> {
  const { chosenOfPairs, compat } = specification;
  const trl = compat && ({ version: compat, trainer: 'sft' } as const);
  const options = loadOptions(specification, trl, { inputs, context });
  const data = await loadTrainingData(specification, { inputs, context }, (sources) =>
    loadCompletions(sources, {
      ...options,
      chosenOfPairs,
      lastTurnOnly: specification.loss !== 'completion',
    }),
  );
  const stages = planStages(data.train.count, specification);
  const { textRows } = options;
  return {
    data,
    stages,
    textRows,
    prepared: makePlan({ recipe: 'sft', specification, inputs, data, stages, context }),
  };
}
