export { understandAdapter, type ReadAdapter } from './adapter-checkpoint.ts';
export { newAdapter, newLora, type Adapter, type NewAdapter } from './adapter-config.ts';
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
export { loadOptions } from './load-options.ts';
export { fixedMemory, referenceMemory, requireMemory, type MemoryParts, type MemoryPlan } from './memory.ts';
export { readAdapter, saveAdapter, writeAdapter } from './node/adapter-files.ts';
export {
  ASKINGS,
  askingFiles,
  askTexts,
  GGUF_ASKED,
  resolvedTextRows,
  textRowsOf,
  textRowsWarning,
  type AskedTexts,
  type Asking,
  type AskingOptions,
  type TrainedAsking,
} from './asking.ts';
export { availableBytes } from './node/available-bytes.ts';
export {
  BASE_ERROR_ROWS,
  measureBaseError,
  measuredOf,
  type BaseError,
  type BaseErrorOptions,
} from './node/base-error.ts';
export { baseNameOf, type BaseName } from './node/base-name.ts';
export { markOf } from './node/moved-model.ts';
export { readNamedAdapter } from './node/checkpoint-weights.ts';
export { openInputs, sourcesOf, type NamedInputs, type RunInputs } from './node/inputs.ts';
export {
  adapterText,
  hasAdapter,
  parseAdapterName,
  parseModelAndAdapter,
  parseModelName,
  runOfAdapter,
  type AdapterName,
  type ModelName,
} from './node/model-name.ts';
export { openModel } from './node/open-model.ts';
export {
  openModelAndAdapter,
  openNamedModel,
  type NamedModel,
  type OpenNamedOptions,
  type ResolveModel,
} from './node/open-named.ts';
export { trainedAsking } from './node/trained-asking.ts';
export { openPolicy, type OpenPolicyOptions, type OpenedPolicy } from './node/open-policy.ts';
export { startOfRun, wasHere } from './node/run-parts.ts';
export {
  clockNote,
  requireClock,
  templateTimeOf,
  templateTimeOfRun,
  trainedTimeNote,
  type RunTime,
} from './node/template-time.ts';
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
export {
  placeModel,
  sourceOf,
  type AdapterTensors,
  type PlacedModel,
  type PolicyPurpose,
  type PolicySource,
} from './place-model.ts';
export { createPolicy, type Policy } from './policy.ts';
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
export {
  compileBatchProgram,
  hintsFor,
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
export { understandModel, type OpenedModel } from './understand-model.ts';
export { weightsFingerprint } from './weights-fingerprint.ts';
