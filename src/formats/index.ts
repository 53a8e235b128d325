export { configText } from './config-text.ts';
export { WRITABLE_TYPES, bytesOfType, type WritableType } from './blocks/quantise.ts';
export type { ByteSource } from './byte-source.ts';
export { bytesSource } from './bytes-source.ts';
export type { Checkpoint, CheckpointEntry, ModelFiles, TokenizerFiles } from './checkpoint.ts';
export { readGgufHeader, type GgufHeader, type GgufTensor } from './gguf/gguf-header.ts';
export type { GgufScalar, GgufValue } from './gguf/gguf-metadata.ts';
export { layoutGguf, type GgufWriteTensor, type GgufWriteValue } from './gguf/gguf-write.ts';
export { openGguf, tokenizerMetadata } from './gguf/gguf.ts';
export { writeGguf, type GgufContent } from './gguf/node-gguf-writer.ts';
export { openLlama2c } from './llama2c.ts';
export { rowOrder } from './located-tensors.ts';
export {
  readAdapterFolder,
  writeAdapterFolder,
  type AdapterContent,
  type AdapterFolder,
} from './node-adapter-folder.ts';
export { openFileSource } from './node-file-source.ts';
export { openModelFiles, openSafetensorsFile, type OpenModelOptions } from './node-model-files.ts';
export { writeModelFolder, type ModelFolderContent } from './node-model-writer.ts';
export {
  writeSafetensors,
  writeShardedSafetensors,
  type WriteSafetensorsOptions,
  type WriteShardedOptions,
} from './node-safetensors-writer.ts';
export { nodeSha256 } from './node-sha256.ts';
export { findNonFinite, readFiniteFloat32, type NonFinite } from './non-finite.ts';
export type { SafetensorsType, WritableTensor } from './safetensors-layout.ts';
export {
  MAX_SHARDS,
  openSafetensors,
  openShardedSafetensors,
  type SafetensorsCheckpoint,
  type ShardedSafetensors,
} from './safetensors.ts';
export { READABLE_TYPES, STORED_TYPES, type ReadableType } from './stored-types.ts';
export type { CreateHash, StreamingHash } from './streaming-hash.ts';
