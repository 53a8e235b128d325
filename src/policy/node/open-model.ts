import { openModelFiles, type OpenModelOptions } from '../../formats/index.ts';
import type { TokenizerOptions } from '../../tokenizer/index.ts';
import { understandModel, type OpenedModel } from '../understand-model.ts';

/**
 * Opens a model's files and checks that configuration and tokenizer fit. Throws bad-input.
 *
 * @example
 * ```ts run
 * import { openModel } from 'preftune';
 *
 * const { config, tokenizer, files } = await openModel('node_modules/preftune/assets/embedded-model');
 * console.log(config.layers, tokenizer.vocabularySize); // 7 2048
 * await files.close();
 * ```
 */
export async function openModel(
  path: string,
  { templateTime, ...options }: OpenModelOptions & Pick<TokenizerOptions, 'templateTime'> = {},
): Promise<OpenedModel> {
  return understandModel(await openModelFiles(path, options), { templateTime });
}
