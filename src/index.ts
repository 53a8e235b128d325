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
  loadPreferencePairs,
  sourcesOfPath,
  type PreferenceRow,
  type RowSet,
  type TokenizedPair,
} from './data/index.ts';
export { LOSSES, resolveObjective, type LossName, type ResolvedObjective } from './objectives/index.ts';
export { OPTIMIZERS, type OptimizerName } from './optim/index.ts';
export { readMetrics, openHubDataset, resolveHubModel } from './store/index.ts';
export {
  openModel,
  parseDpoSpecification,
  parseScoreSpecification,
  parseSftSpecification,
  scorePairs,
  trainDpo,
  trainSft,
  type DpoSpecification,
  type OpenedModel,
  type RecipeContext,
  type RecipeListener,
  type RecipeResult,
  type SftSpecification,
} from './train/index.ts';
export { createGenerator, openGenerator } from './generate/index.ts';
