export * from './targets.ts';
export * from './onnx-types.ts';
export { GGUF_FILE_TYPES, type GgufFileType } from './gguf-tensors.ts';
export * from './source.ts';
export * from './specification.ts';
export * from './export.ts';
export { TOLERANCES, type Verdict } from './verify.ts';
export { deviationOf, sampleLogps, type Deviation } from './measure.ts';
export { mergedModel, type MergedModel } from './merged-model.ts';
