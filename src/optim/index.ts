export {
  OPTIMIZERS,
  type Optimizer,
  type OptimizerName,
  type OptimizerOptions,
  type StepScalars,
  type Update,
  type UpdateInputs,
} from './optimizer.ts';
export { learningRateAt, type ScheduleName, type ScheduleOptions } from './schedule.ts';
export {
  clipFactor,
  gradientName,
  gradientNormGraph,
  scalarName,
  stateName,
  stepScalars,
  updateGraph,
  type TrainedParameter,
} from './update-graph.ts';
