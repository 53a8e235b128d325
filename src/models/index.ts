export { dropout, startingMagnitudes, withLora, type LoraOptions } from './adapter-decoder.ts';
export {
  initialiseLora,
  orthogonalFactors,
  singularFactors,
  type FactorOptions,
  type LoraFactors,
  type LoraStart,
} from './adapter-start.ts';
export { adaptablePaths, resolveTargets } from './adapter-targets.ts';
export {
  loraAnchorSpecs,
  loraNames,
  loraParameterSpecs,
  loraScale,
  type LoraConfig,
  type LoraNames,
  type LoraTarget,
} from './adapter.ts';
export { MODEL_FAMILIES, parseModelConfig, type ModelConfig, type ModelFamily } from './config.ts';
export {
  addBias,
  headWeight,
  hiddenStates,
  layerStates,
  logits,
  plainDecoder,
  rotaryAngles,
  weightInputs,
  type Angles,
  type Attend,
  type Decoder,
  type DecoderInputs,
  type LayerInputs,
  type Project,
  type Weights,
} from './decoder.ts';
export {
  klsFromReference,
  logCollisions,
  tokenStatistics,
  type ScoredTokens,
  type TokenStatistics,
} from './log-probs.ts';
export { packedAttention, packedInputs, type PackedInputs } from './packed-attention.ts';
export {
  EMBEDDING_NAME,
  EMBEDDING_PATH,
  FINAL_NORM_NAME,
  HEAD_NAME,
  HEAD_PATH,
  PROJECTIONS,
  headName,
  moduleShape,
  moduleWeightName,
  parameterSpecs,
  projectionHasBias,
  projectionPath,
  projectionShape,
  type ParameterSpec,
  type Projection,
} from './parameters.ts';
export { readMatrix, storeMatrix, type DenseMatrix, type StoreOptions } from './quantised-weights.ts';
export {
  BASE_PRECISIONS,
  DECODING_PRECISIONS,
  baseBytes,
  baseDecoder,
  projectionOf,
  storedNames,
  type BasePrecision,
  type BasePurpose,
  type DecodingPrecision,
} from './quantised.ts';
export { parseRope, type RopeConfig } from './rope.ts';
