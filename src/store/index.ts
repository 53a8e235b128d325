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
export { MetricsFile, readMetrics, type MetricRecord } from './metrics.ts';
export {
  RUN_FILE,
  checkRunFolder,
  createRunFolder,
  isRunInUse,
  readRunFile,
  resumeRunFolder,
  type ResumeOptions,
  type RunFolder,
  type RunRecord,
} from './run-folder.ts';
export { TensorboardEvents, tensorboardTag, type EventsOptions } from './tensorboard.ts';
