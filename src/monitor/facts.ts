import type { JsonObject } from '../core/index.ts';
import type { RunFacts } from './finding.ts';

/** Losses that are -log sigma(0) where policy and reference are the same. */
const LN2_LOSSES: ReadonlySet<unknown> = new Set(['sigmoid', 'robust', 'sigmoid_norm']);

/** What a specification, as run.json holds it, says about its metrics. */
export function factsOf(specification: JsonObject, totalSteps?: number): RunFacts {
  const { recipe } = specification;
  const objective = (specification['objective'] ?? {}) as JsonObject;
  const beta = ((objective['options'] ?? {}) as JsonObject)['beta'];
  const isPlain = objective['margins'] !== true && objective['weights'] !== true;
  return {
    recipe: recipe === 'sft' || recipe === 'dpo' ? recipe : undefined,
    beta: typeof beta === 'number' ? beta : undefined,
    firstLoss: isPlain && LN2_LOSSES.has(objective['name']) ? Math.LN2 : undefined,
    totalSteps,
  };
}
