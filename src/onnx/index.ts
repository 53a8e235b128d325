export {
  DEFAULT_CHUNK_BYTES,
  lowerGraph,
  lowerToOnnx,
  type FrozenValue,
  type LowerOptions,
  type LoweredGraph,
  type ModelValue,
  type OnnxModel,
} from './lower.ts';
export { printOnnx } from './print.ts';
export { encodeModel, type OnnxGraph, type OnnxNode, type OnnxTensor, type OnnxValue } from './proto.ts';
