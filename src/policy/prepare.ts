import { openModelFiles, type ModelFiles, type OpenModelOptions } from '../formats/index.ts';
import { parseModelConfig, type ModelConfig } from '../models/index.ts';
import type { DimHints } from '../passes/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { boundedTokenizer } from './reading/bounded-tokenizer.ts';
import { resolveHead } from './reading/resolve-head.ts';

/** A model opened but not yet on a device. */
export interface OpenedModel {
  readonly files: ModelFiles;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** What a user should know of these files. */
  readonly notes?: readonly string[];
}

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
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  return understandModel(await openModelFiles(path, options));
}

/** The configuration and tokenizer of opened files; closes them when they do not fit. */
export async function understandModel(files: ModelFiles): Promise<OpenedModel> {
  try {
    const { config, notes, files: resolved } = await resolveHead(files, parseModelConfig(files.config));
    const eosTokenId = files.generationConfig?.['eos_token_id'] ?? files.config['eos_token_id'];
    const tokenizer = boundedTokenizer(createTokenizer(files.tokenizer, { eosTokenId }), config);
    return { files: resolved, config, tokenizer, notes };
  } catch (thrown) {
    await files.close();
    throw thrown;
  }
}

/** Typical sizes of a micro-batch, for choosing between equal expressions and for the memory estimate. */
export function hintsFor(microBatchTokens: number, meanLength: number): DimHints {
  const rows = Math.max(1, Math.round(microBatchTokens / Math.max(1, meanLength)));
  const scored = Math.ceil(microBatchTokens * 0.6);
  return { T: microBatchTokens, U: scored, C: scored, R: rows };
}
