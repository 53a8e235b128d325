import type { ModelFiles } from '../formats/index.ts';
import { parseModelConfig, type ModelConfig } from '../models/index.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions } from '../tokenizer/index.ts';
import { boundedTokenizer } from './reading/bounded-tokenizer.ts';
import { resolveHead } from './reading/resolve-head.ts';
import { textPart } from './reading/text-part.ts';

/** A model opened but not yet on a device. */
export interface OpenedModel {
  readonly files: ModelFiles;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** What a user should know of these files. */
  readonly notes?: readonly string[];
}

/** The configuration and tokenizer of opened files; closes them when they do not fit. `templateTime` is what chat templates are told, by default now. */
export async function understandModel(
  files: ModelFiles,
  { templateTime }: Pick<TokenizerOptions, 'templateTime'> = {},
): Promise<OpenedModel> {
  try {
    const { files: text, textPath, notes: left } = textPart(files);
    const parsed = { ...parseModelConfig(text.config), ...(textPath === undefined ? {} : { textPath }) };
    const { config, notes, files: resolved } = await resolveHead(text, parsed);
    const eosTokenId = text.generationConfig?.['eos_token_id'] ?? text.config['eos_token_id'];
    const tokenizer = boundedTokenizer(createTokenizer(files.tokenizer, { eosTokenId, templateTime }), config);
    return { files: resolved, config, tokenizer, notes: [...left, ...notes] };
  } catch (thrown) {
    await files.close();
    throw thrown;
  }
}
