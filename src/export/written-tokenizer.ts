import { openModelFiles } from '../formats/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';

/** The tokenizer of a folder that has just been written, weights or not. */
export async function understandTokenizer(folder: string): Promise<Tokenizer> {
  const files = await openModelFiles(folder, { withoutWeights: true });
  try {
    return createTokenizer(files.tokenizer, {
      eosTokenId: files.generationConfig?.['eos_token_id'] ?? files.config['eos_token_id'],
    });
  } finally {
    await files.close();
  }
}
