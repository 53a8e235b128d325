export { MAY_DIFFER, resumedOptions } from './resume.ts';
export { specificationOptions, type SpecificationOption } from './specification-options.ts';
export { flagOf } from './specification-problems.ts';
export { requireUpdates, type ReferenceUpdate } from './specification-reference.ts';
export type { LoraSpecification, RecipeName, ScoreSpecification } from './specification-schema.ts';
export {
  givenOf,
  objectiveOf,
  parseDpoSpecification,
  parseScoreSpecification,
  parseSftSpecification,
  type CommonSpecification,
  type DpoSpecification,
  type ObjectiveSpecification,
  type SftSpecification,
} from './specification.ts';
export {
  epochStepsOf,
  planStages,
  stageAt,
  stepsPerEpoch,
  totalStepsOf,
  type Stage,
  type StageOptions,
} from './stages.ts';
export {
  planSweep,
  shortValue,
  type SweepAxis,
  type SweepOptions,
  type SweepPlan,
  type SweepPoint,
  type SweepValue,
} from './sweep.ts';
