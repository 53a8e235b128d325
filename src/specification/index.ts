export {
  AUTO_SETTINGS,
  fewStepsOf,
  proposeSettings,
  settingFlags,
  type AutoSetting,
  type FewSteps,
  type SettingCounts,
  type StepSettings,
} from './few-rows.ts';
export { ADDED_LATER, MAY_DIFFER, PLACED, resumedOptions } from './node-resume.ts';
export { type KeptCheckpoints } from './specification-best.ts';
export { requireUpdates, type ReferenceUpdate } from './specification-reference.ts';
export {
  COLUMNS,
  SCHEMAS,
  TEMPLATE_TIME,
  TEXT_ROWS,
  TRAINING_GROUPS,
  type LoraSpecification,
  type RecipeName,
  type ScoreSpecification,
} from './specification-schema.ts';
export {
  dpoProblems,
  dpoSpecificationOf,
  givenOf,
  objectiveOf,
  parseDpoSpecification,
  parseScoreSpecification,
  parseSftSpecification,
  scoreProblems,
  scoreSpecificationOf,
  sftProblems,
  sftSpecificationOf,
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
  type SweepAxis,
  type SweepOptions,
  type SweepPlan,
  type SweepPoint,
  type SweepValue,
} from './sweep.ts';
export { trlRulesOf } from './specification-trl.ts';
