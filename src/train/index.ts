export type {
  RecipeContext,
  RecipeListener,
  RecipeResult,
  RunSampler,
  SampledAnswer,
  SampledModel,
  SampledPrompt,
} from './context.ts';
export { accuracyIntervalText, heldOutDoubts } from './held-out-text.ts';
export { betaSchedule } from './loop/beta-schedule.ts';
export { createCoupledObjective, type CoupledObjective, type CoupledOptions } from './loop/coupled-objective.ts';
export {
  epochSource,
  firstEpochBatches,
  firstEpochMicroBatches,
  type EpochOptions,
  type OrderOptions,
  type TrainedRows,
} from './loop/epochs.ts';
export { evaluateRows, evaluationMicroBatches, type EvaluationOptions, type RowEvaluation } from './loop/evaluation.ts';
export {
  runLoop,
  type EvaluationDecision,
  type LoopEvents,
  type LoopInput,
  type LoopOptions,
  type LoopProgress,
  type LoopResult,
  type StepRecord,
} from './loop/loop.ts';
export {
  completionMetrics,
  unpairedMetrics,
  rankingMetrics,
  pairMetrics,
  type CompletionOutputs,
  type UnpairedOutputs,
  type RankingOutputs,
  type MetricSums,
  type Metrics,
  type PairOutputs,
} from './loop/metrics.ts';
export type {
  ForwardPart,
  Moment,
  Open,
  PolicyOnDevice,
  SavedState,
  Scalars,
  SolveOptions,
  SolvedPart,
  StepPart,
} from './loop/part.ts';
export {
  createMovingReference,
  mixGraph,
  type MovingOptions,
  type MovingReference,
  type MovingSource,
} from './loop/reference-update.ts';
export type { BatchRows, StepRows, StepSource } from './loop/source.ts';
export { takeStep, type StepOptions, type TakenStep } from './loop/step.ts';
export type { HeldOutRows, Measure, Task } from './loop/task.ts';
export { createTrainable, scalarTensor, type Trainable, type TrainableOptions } from './loop/trainable.ts';
export { openTraining, type Training, type TrainingOptions } from './loop/training.ts';
export { completionTask, type CompletionTaskOptions } from './recipes/completion-task.ts';
export { crossValidatedMargins, type CrossValidation } from './recipes/cross-validate.ts';
export { trainDpo } from './recipes/dpo.ts';
export {
  computeReference,
  openReference,
  type ReferenceRows,
  type ReferenceScores,
} from './recipes/preference-reference.ts';
export {
  preferenceRows,
  rowsOfWidth,
  type PreferenceRows,
  type PreferenceSets,
  type TokenizedPreference,
} from './recipes/preference-rows.ts';
export {
  preferenceTask,
  type PolicyGraphs,
  type PreferenceReference,
  type PreferenceSteps,
  type PreferenceTaskOptions,
} from './recipes/preference-task.ts';
export type {
  Int8Plan,
  PlannedDisk,
  PlannedMemory,
  PlannedParameters,
  PlannedRows,
  PlannedSteps,
  PlannedTime,
  PlannedTokens,
  RowCounts,
  RunPlan,
} from './plan/run-plan.ts';
export type { PlanOptions } from './plan/complete-plan.ts';
export type { RunCost } from './context.ts';
export { planDpo } from './recipes/plan-dpo.ts';
export { planSft } from './recipes/plan-sft.ts';
export { trainSft } from './recipes/sft.ts';
export { HELD_OUT_FILE, trainInRunFolder, type TrainOptions } from './run.ts';
export { createSampler } from './sampler.ts';
export { createSelection, type Selection, type SelectionOptions, type BestStanding } from './selection.ts';
export { openSession, type Session, type SessionOptions } from './session.ts';
