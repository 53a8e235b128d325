export type { AddedToken } from './added-tokens.ts';
export { createTokenizer } from './create.ts';
export { digestOf } from './identity.ts';
export { tokenizerFilesOf } from './sources/gguf-files.ts';
export { GGUF_PRE_TOKENIZERS, type GgufPreTokenizer } from './sources/gguf-pre-tokenizers.ts';
export type { TokenizerOptions } from './sources/huggingface.ts';
export { createStreamDecoder, type StreamDecoder } from './stream-decoder.ts';
export { createChatTemplate, type TemplateOptions } from './template.ts';
export type { ChatTemplate, Message, RenderOptions, Tokenizer, ToolCall } from './tokenizer.ts';
