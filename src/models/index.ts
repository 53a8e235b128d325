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
export { attentionScores } from './attention-scores.ts';
export { parseModelConfig } from './config.ts';
export {
  addBias,
  plainDecoder,
  weightInputs,
  type Attend,
  type Decoder,
  type DecoderInputs,
  type Project,
  type Weights,
} from './decoder.ts';
export type { ConfigJson } from './families/config-fields.ts';
export type { Family, GgufDialect, GgufFacts, GgufNumber } from './families/family.ts';
export {
  familyOfGguf,
  GGUF_ARCHITECTURES,
  huggingFaceName,
  interleavedRows,
  nameInGguf,
  normShift,
} from './families/gguf-names.ts';
export { FAMILIES } from './families/registry.ts';
export { ropeFields } from './families/rope-fields.ts';
export { textName, WRAPPERS, type Wrapper } from './families/wrappers.ts';
export { headWeight, logits } from './head.ts';
export { hiddenStates, layerStates, type LayerInputs } from './hidden-states.ts';
export {
  klsFromReference,
  logCollisions,
  tokenStatistics,
  type ScoredTokens,
  type TokenStatistics,
} from './log-probs.ts';
export {
  MODEL_FAMILIES,
  PROJECTIONS,
  type Activation,
  type ModelConfig,
  type ModelFamily,
  type ModelSizes,
  type ModelTraits,
  type NormPlace,
  type Projection,
} from './model-config.ts';
export { packedAttention, packedInputs, type PackedInputs } from './packed-attention.ts';
export {
  EMBEDDING_NAME,
  EMBEDDING_PATH,
  FINAL_NORM_NAME,
  HEAD_NAME,
  HEAD_PATH,
  headName,
  moduleShape,
  moduleWeightName,
  parameterSpecs,
  projectionHasBias,
  projectionPath,
  projectionsOf,
  projectionShape,
  type ParameterSpec,
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
export { strangerText } from './families/strangers.ts';
export { positionLimit, positionLimitText } from './position-limit.ts';
export { parseRope, type RopeConfig } from './rope.ts';
export { rotaryAngles, type Angles } from './rotary.ts';
