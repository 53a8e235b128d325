/**
 * preftune as a library: what a program needs to train, score and run a model, and to build graphs of its own. Every part
 * has more behind its subpath (preftune/train, preftune/graph, ...).
 */
export { PreftuneError, type ErrorCode, type HostTensor, type Problem } from './core/index.ts';
export { graph, input, printGraph, verifyGraph, type Graph, type Node } from './graph/index.ts';
export { interpret } from './interpret/index.ts';
export { vectorJacobian } from './autodiff/index.ts';
export { optimise } from './passes/index.ts';
export { openDevice, type Device, type DeviceTensor, type OpenDeviceOptions, type Program } from './runtime/index.ts';
export { openModelFiles, type Checkpoint, type ModelFiles } from './formats/index.ts';
export { createTokenizer, type Message, type Tokenizer } from './tokenizer/index.ts';
export { parseModelConfig, plainDecoder, withLora, type ModelConfig } from './models/index.ts';
export {
  checkData,
  loadCompletions,
  loadPairs,
  sourcesOfPath,
  type PairRow,
  type RowSet,
  type TokenizedPair,
} from './data/index.ts';
export { LOSSES, resolveObjective, type LossName, type ResolvedObjective } from './objectives/index.ts';
export { OPTIMIZERS, type OptimizerName } from './optim/index.ts';
export { readMetrics } from './store/index.ts';
export { openHubDataset, resolveHubModel } from './hub/index.ts';
export { openModel, type OpenedModel } from './policy/index.ts';
export {
  parseDpoSpecification,
  parseScoreSpecification,
  parseSftSpecification,
  type DpoSpecification,
  type SftSpecification,
} from './specification/index.ts';
export { scorePairs } from './score/index.ts';
export {
  planDpo,
  planSft,
  trainDpo,
  trainSft,
  type RecipeContext,
  type RecipeListener,
  type RecipeResult,
  type RunPlan,
} from './train/index.ts';
export { createGenerator, openGenerator } from './generate/index.ts';
