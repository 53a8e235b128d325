export type {
  RecipeContext,
  RecipeListener,
  RecipeResult,
  RunSampler,
  SampledModel,
  SampledPrompt,
} from './context.ts';
export { crossValidatedMargins, type CrossValidation } from './cross-validate.ts';
export {
  createCoupledObjective,
  type CoupledObjective,
  type ForwardPart,
  type SolveOptions,
  type SolvedPart,
} from './loop/coupled-objective.ts';
export {
  evaluateRows,
  evaluationMicroBatches,
  firstEpochBatches,
  firstEpochMicroBatches,
  runLoop,
  type EvaluationOptions,
  type LoopEvents,
  type LoopOptions,
  type LoopResult,
  type LoopProgress,
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
export {
  createMovingReference,
  mixGraph,
  type MovingOptions,
  type MovingReference,
  type MovingSource,
} from './loop/reference-update.ts';
export type { Measure, Split, Task } from './loop/task.ts';
export { createTrainable, scalarTensor, type Trainable, type TrainableOptions } from './loop/trainable.ts';
export {
  completeRows,
  loadPreferences,
  measurePairs,
  preferenceRows,
  rowWarnings,
  rowsOfWidth,
  type FirstBatches,
  type TokenizedPreference,
  type PreferenceRows,
} from './preference-rows.ts';
export { trainDpo } from './recipes/dpo.ts';
export { completionTask, trainSft } from './recipes/sft.ts';
export { createSampler } from './sampler.ts';
export { openSession, trainInRunFolder, type Session, type SessionOptions, type TrainOptions } from './session.ts';
export {
  SWEEP_FIGURES,
  groupOutcomes,
  sweepFigures,
  type SweepFigure,
  type SweepFigures,
  type SweepGroup,
  type SweepOutcome,
} from './sweep-results.ts';
