import { badInput, unreachable } from '../core/index.ts';
import type { TokenizerFiles } from '../formats/index.ts';
import { createGgufTokenizer } from './sources/gguf.ts';
import { createHuggingFaceTokenizer, type TokenizerOptions } from './sources/huggingface.ts';
import { createLlama2cTokenizer } from './sources/llama2c.ts';
import type { Tokenizer } from './tokenizer.ts';

/**
 * The tokenizer that a model's files describe. Throws bad-input when they hold none, or one that is malformed or unknown.
 *
 * @example
 * ```ts run
 * import { createTokenizer, openModelFiles } from 'preftune';
 *
 * const files = await openModelFiles('node_modules/preftune/assets/embedded-model');
 * const tokenizer = createTokenizer(files.tokenizer);
 * const ids = tokenizer.encode('What is a comet?');
 * console.log(tokenizer.decode(ids)); // What is a comet?
 * const messages = [{ role: 'user', content: 'Hello' }];
 * console.log(tokenizer.chatTemplate?.render(messages, { addGenerationPrompt: false }).trimEnd());
 * // <|im_start|>user
 * // Hello<|im_end|>
 * await files.close();
 * ```
 */
export function createTokenizer(files: TokenizerFiles, options: TokenizerOptions = {}): Tokenizer {
  switch (files.kind) {
    case 'huggingface':
      return createHuggingFaceTokenizer(files, options);
    case 'gguf':
      return createGgufTokenizer(files, options);
    case 'llama2c':
      return createLlama2cTokenizer(files);
    case 'none':
      throw badInput(`tokenizer: the model must come with a tokenizer, got ${files.reason}; add the tokenizer's files`);
    default:
      return unreachable(files);
  }
}
