import type { RunSampler } from './context.ts';
import {
  createGenerator,
  type GenerateOptions,
  encodePrompt,
  type Prompt,
  type PromptOptions,
} from '../generate/index.ts';

/** Answers prompts in the middle of a run, for its report; greedy when no sampling is asked for. */
export function createSampler(
  prompts: readonly Prompt[],
  options: Omit<GenerateOptions, 'firstRow' | 'onToken'> & PromptOptions,
): RunSampler {
  return {
    prompts: prompts.map(({ content }) => (typeof content === 'string' ? content : content.at(-1)!.content)),
    answer: async ({ device, tokenizer, decoder, resident }) => {
      const generator = await createGenerator(device, { decoder, tokenizer, resident });
      try {
        const encoded = prompts.map((prompt) => encodePrompt(tokenizer, prompt, options));
        return await generator.generate(encoded, options);
      } finally {
        await generator.dispose();
      }
    },
  };
}
