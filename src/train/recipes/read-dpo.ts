import type { ResolvedObjective } from '../../objectives/index.ts';
import { referenceStatistics, type OpenedModel, type RunInputs } from '../../policy/index.ts';
import type { ReferenceStore } from '../../score/index.ts';
import { objectiveOf, type DpoSpecification } from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';
import { makePlan, type PreparedPlan } from '../plan/make-plan.ts';
import { readPreferences, type PlannedPreferences } from './preference-data.ts';
import { lackingReference } from './preference-reference.ts';
import { evaluationUnit } from './preference-task.ts';

/** What a dpo run knows before a model is loaded. */
export interface ReadDpo {
  readonly objective: ResolvedObjective;
  readonly data: PlannedPreferences;
  /** The model of --reference, where it must be loaded. */
  readonly lacking: OpenedModel | undefined;
  readonly prepared: PreparedPlan;
}

/** Reads the rows and plans the run. Throws as readPreferences does. */
export async function readDpo(
  given: DpoSpecification,
  {
    inputs,
    context,
    store,
  }: { readonly inputs: RunInputs; readonly context: RecipeContext; readonly store: ReferenceStore },
): Promise<ReadDpo> {
  const objective = objectiveOf(given.objective);
  const data = await readPreferences(given, objective, { inputs, context });
  const { specification } = data;
  const lacking = await lackingReference(inputs, { specification, objective, data, store });
  const movesReference = specification.referenceUpdate !== undefined;
  // Another model's that is not lacking is stored.
  const isComputed = objective.needsReference && (inputs.reference === undefined || lacking !== undefined);
  const prepared = makePlan({
    recipe: 'dpo',
    specification,
    inputs,
    data,
    stages: data.stages,
    ...(isComputed && {
      reference: {
        rows: data.train.count + (data.heldOut?.count ?? 0),
        width: data.preferences.width * (1 + referenceStatistics(objective).length),
        model: lacking?.config,
        includesTraining: !movesReference,
      },
    }),
    movesReference,
    unit: evaluationUnit(objective, specification),
    context,
  });
  return { objective, data, lacking, prepared };
}
