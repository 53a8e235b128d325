export { checkReliability, type Reliability, type ReliabilityOptions } from './check.ts';
export {
  checkTrainingData,
  trainingDataText,
  type TrainingDataCheck,
  type TrainingDataOptions,
} from './check-training.ts';
export { REMEDIES, SAFE_REMEDIES, cleanData, type CleanOptions, type CleanResult, type Remedy } from './clean.ts';
export type { Agreement, AnnotatorCard, Coefficient } from './find-agreement.ts';
export type { Cue, Part } from './find-bias.ts';
export { suspectMislabelled, type HeldOutMargins, type Mislabelled } from './find-mislabelled.ts';
export { FINDING_KINDS, type DataFinding, type FindingKind, type Severity } from './finding.ts';
export {
  PERSONAL_KINDS,
  findPersonalData,
  maskPersonalData,
  type PersonalKind,
  type PersonalMatch,
} from './personal-data.ts';
export { mixKeys } from './ratings.ts';
export { reliabilityJson } from './report-json.ts';
export { renderReliabilityPage, type ReliabilityPage } from './report-page.ts';
export { renderReliability, verdictOf, type ReportTextOptions } from './report-text.ts';
export { FLAG, atPlace, type RowTable } from './row-table.ts';
