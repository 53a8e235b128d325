export { diskError, syncFile, temporaryName, writeFileAtomic } from './write-atomic.ts';
export { compareJson, flattenJson, showValue, type Difference, type JsonObject, type JsonValue } from './compare.ts';
export {
  checkRunFolder,
  createRunFolder,
  readRunFile,
  resumeRunFolder,
  RUN_FILE,
  type ResumeOptions,
  type RunFolder,
  type RunRecord,
} from './run-folder.ts';
export { MetricsFile, readMetrics, type MetricRecord } from './metrics.ts';
export {
  listCheckpoints,
  newestCheckpoint,
  pruneCheckpoints,
  removeCheckpointsAfter,
  STATE_FILE,
  writeCheckpoint,
  type CheckpointContent,
  type FileWriter,
  type StoredCheckpoint,
} from './checkpoints.ts';
export { TensorboardEvents, tensorboardTag, type EventsOptions } from './tensorboard.ts';
export { resolveHubModel, type HubOptions, type HubProgress, type HubSnapshot } from './hub.ts';
export { CONVERTED_REVISION, openHubDataset, type HubDataset } from './hub-dataset.ts';
export { parseHubId, type DataSelection, type HubId } from './hub-files.ts';
export type { HubConnection } from './hub-http.ts';
export { chartsOf, keyFiguresOf, type Chart } from './report-curves.ts';
export {
  chartCard,
  configurationCard,
  dataCard,
  figureCard,
  renderPage,
  renderReport,
  section,
  verdictBox,
  type PageInput,
  type PageSection,
  type ReportInput,
  type ReportSample,
  type ReportSection,
} from './report.ts';
export { escapeHtml } from './report-html.ts';
export { REPORT_STYLE } from './report-style.ts';
export {
  renderSweepReport,
  type SweepReportFigures,
  type SweepReportGroup,
  type SweepReportInput,
  type SweepReportRun,
} from './sweep-report.ts';
