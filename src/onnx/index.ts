export * from './lower.ts';
export * from './print.ts';
export { encodeModel, type OnnxGraph, type OnnxNode, type OnnxTensor, type OnnxValue } from './proto.ts';
