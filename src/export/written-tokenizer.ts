import { openModelFiles } from '../formats/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';

/** The tokenizer of a folder that has just been written, weights or not; its chat template is told the time that `exported`'s is. */
export async function understandTokenizer(folder: string, exported: Tokenizer): Promise<Tokenizer> {
  const files = await openModelFiles(folder, { withoutWeights: true });
  try {
    return createTokenizer(files.tokenizer, {
      eosTokenId: files.generationConfig?.['eos_token_id'] ?? files.config['eos_token_id'],
      templateTime: exported.chatTemplate?.clock?.time,
    });
  } finally {
    await files.close();
  }
}
