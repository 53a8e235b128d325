export * from './tokenizer.ts';
export { createTokenizer } from './create.ts';
export type { TokenizerOptions } from './huggingface.ts';
export { createStreamDecoder, type StreamDecoder } from './stream-decoder.ts';
export { createChatTemplate, type TemplateOptions } from './template.ts';
export { digestOf } from './identity.ts';
export { tokenizerFilesOf } from './gguf-files.ts';
export { GGUF_PRE_TOKENIZERS, type GgufPreTokenizer } from './gguf-pre-tokenizers.ts';
