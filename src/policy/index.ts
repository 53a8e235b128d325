export { newAdapter, newLora, type Adapter, type NewAdapter } from './adapter-config.ts';
export { readAdapter, writeAdapter, type ReadAdapter } from './adapter-files.ts';
export { BASE_ERROR_ROWS, measureBaseError, measuredOf, type BaseError, type BaseErrorOptions } from './base-error.ts';
export {
  accumulate,
  addToGradients,
  completionLossGraph,
  completionScoreGraph,
  parameterNodes,
  type LossGraphOptions,
} from './batch-graphs.ts';
export {
  completionMicroBatch,
  pairMicroBatch,
  rankingMicroBatch,
  unpairedMicroBatch,
  type MicroBatch,
} from './batches.ts';
export { compareTokenizers } from './compare-tokenizers.ts';
export type { RunContext, RunListener } from './context.ts';
export {
  createBaseStore,
  type BaseStore,
  type BaseStoreOptions,
  type ReadWeight,
  type StoredBase,
  type StoredTensor,
} from './frozen-base.ts';
export { openInputs, sourcesOf, type NamedInputs, type RunInputs } from './inputs.ts';
export { loadOptions } from './load-options.ts';
export {
  availableBytes,
  fixedMemory,
  referenceMemory,
  requireMemory,
  type MemoryParts,
  type MemoryPlan,
} from './memory.ts';
export { readNamedAdapter } from './naming/checkpoint-weights.ts';
export {
  adapterText,
  hasAdapter,
  parseAdapterName,
  parseModelAndAdapter,
  parseModelName,
  runOfAdapter,
  type AdapterName,
  type ModelName,
} from './naming/model-name.ts';
export {
  openModelAndAdapter,
  openNamedModel,
  weightsFingerprint,
  type NamedModel,
  type OpenNamedOptions,
  type ResolveModel,
} from './naming/open-named.ts';
export { startOfRun } from './naming/run-parts.ts';
export {
  openPolicy,
  placeModel,
  sourceOf,
  type AdapterTensors,
  type OpenPolicyOptions,
  type OpenedPolicy,
  type PlacedModel,
  type PolicyPurpose,
  type PolicySource,
} from './open-policy.ts';
export {
  forwardGraph,
  pairCotangentGraph,
  pairObjectiveGraph,
  pairScoreGraph,
  requirePairs,
  type PairGraphOptions,
  type PairModels,
  type PairObjective,
} from './pair-graphs.ts';
export { createPolicy, saveAdapter, type Policy } from './policy.ts';
export { checkPositions, longestRow } from './positions.ts';
export {
  MISMATCHED,
  differentiableStatistics,
  preferenceCotangentGraph,
  preferenceForwardGraph,
  preferenceLossGraph,
  preferenceScoreGraph,
  referenceStatistics,
  sourceOfInput,
  takesMismatches,
  widthOf,
  type PreferenceGraphOptions,
  type PreferenceModels,
} from './preference-graphs.ts';
export { hintsFor, openModel, understandModel, type OpenedModel } from './prepare.ts';
export {
  compileBatchProgram,
  type BatchGraphs,
  type BatchProgram,
  type BatchProgramOptions,
  type Values,
} from './programs.ts';
export { readFinite } from './read-finite.ts';
export { checkWeights, loadModel, residentModel, type LoadModelOptions, type ResidentModel } from './resident-model.ts';
export {
  FORWARD_STATISTICS,
  scoringGraph,
  scoringOutputs,
  type ScoreStatistic,
  type ScoringModels,
  type ScoringOptions,
} from './scoring-graph.ts';
