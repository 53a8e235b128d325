export {
  BEST_METRICS,
  BEST_METRIC_NAMES,
  bestEvaluation,
  gainOf,
  isBestMetric,
  type BestEvaluation,
  type BestMetric,
} from './best-metric.ts';
export {
  STATE_FILE,
  listCheckpoints,
  newestCheckpoint,
  pruneCheckpoints,
  removeCheckpointsAfter,
  writeCheckpoint,
  type CheckpointContent,
  type FileWriter,
  type StoredCheckpoint,
} from './checkpoints.ts';
export { compareJson, flattenJson, showValue, type Difference } from './compare.ts';
export { bestOfRun, findCheckpoint, type CheckpointChoice, type FoundCheckpoint } from './find-checkpoint.ts';
export { METRICS_FILE, MetricsFile, readMetrics, type MetricRecord } from './metrics.ts';
export {
  RUN_FILE,
  checkRunFolder,
  createRunFolder,
  isRunInUse,
  readRunFile,
  resumeRunFolder,
  type ResumeOptions,
  type RunFolder,
  type RunOutcome,
  type RunRecord,
} from './run-folder.ts';
export { placeInRun, placesOf, shownPath, type RunPlaces } from './run-places.ts';
export { TensorboardEvents, tensorboardTag, type EventsOptions } from './tensorboard.ts';
