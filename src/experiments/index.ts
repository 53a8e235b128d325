export { armAt, isHeldOut, placeOf } from './assign.ts';
export {
  DEFAULT_MARGINS,
  type ExperimentDefinition,
  type ExperimentInput,
  type GuardrailName,
  type SignalName,
} from './definition.ts';
export type { LiveExperiment } from './live-experiment.ts';
export {
  openExperiments,
  type UnitNames,
  type Choice,
  type Experiments,
  type ExperimentsOptions,
} from './open-experiments.ts';
export { aaRecord, experimentObject, type ExperimentObject, type ReportContext } from './report.ts';
export { answerExperimentRequest, EXPERIMENT_REQUEST, type ExperimentRequest } from './requests.ts';
