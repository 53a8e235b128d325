import { createGenerator } from '../../generate/index.ts';
import type { RunSampler, SampledPrompt } from '../../train/index.ts';

/** A longer answer is cut. */
const MAX_ANSWER_TOKENS = 128;

/** Answers some of a run's prompts for its report, greedily, so that the answers differ by the training alone. */
export function createReportSampler(
  prompts: readonly SampledPrompt[],
  { signal, onNote }: { readonly signal: AbortSignal; readonly onNote: (line: string) => void },
): RunSampler {
  let isTold = false;
  return {
    prompts: prompts.map(({ text }) => text),
    answer: async ({ device, tokenizer, decoder, resident }, { maxNewTokens } = {}) => {
      const count = prompts.length;
      if (!isTold && maxNewTokens === undefined)
        onNote(`report: ${count} ${count === 1 ? 'prompt' : 'prompts'} answered before and after training`);
      isTold = true;
      const generator = await createGenerator(device, { decoder, tokenizer, resident });
      try {
        return await generator.generate(
          prompts.map(({ ids }) => ids),
          { maxNewTokens: Math.min(maxNewTokens ?? MAX_ANSWER_TOKENS, MAX_ANSWER_TOKENS), signal },
        );
      } finally {
        await generator.dispose();
      }
    },
  };
}
