import type { TokenizedCompletion } from '../../data/index.ts';
import {
  encodePrompt,
  type GenerateOptions,
  type Generator,
  type Prompt,
  type PromptOptions,
} from '../../generate/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';

/** One answer that a model drew. */
export interface DrawnAnswer {
  readonly promptId: string;
  /** The last turn of the prompt. */
  readonly prompt: string;
  readonly text: string;
  readonly isCut: boolean;
  /** Prompt and answer as the model read and wrote them, the stop token with the answer. */
  readonly tokens: TokenizedCompletion;
}

export interface SamplingOptions extends Pick<
  GenerateOptions,
  'maxNewTokens' | 'temperature' | 'topP' | 'seed' | 'signal'
> {
  /** Answers to each prompt. */
  readonly samples: number;
  /** Prompts answered together. */
  readonly batchSize: number;
  /** The place of the first answer among all that are drawn with one seed, however they are cut into calls. Default 0. */
  readonly firstRow?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Answers of a model to every prompt. What is drawn for a prompt depends on the seed and its place alone. Throws bad-input for prompts that do not
 * fit the model, cancelled.
 */
export async function drawAnswers(
  { generator, tokenizer }: { readonly generator: Generator; readonly tokenizer: Tokenizer },
  prompts: readonly Prompt[],
  { samples, batchSize, firstRow = 0, onProgress, ...decoding }: SamplingOptions & PromptOptions,
): Promise<DrawnAnswer[]> {
  const { system, isRaw, ...generating } = decoding;
  const rows = prompts.flatMap((prompt) => {
    const ids = encodePrompt(tokenizer, prompt, { system, isRaw: isRaw === true });
    return Array.from({ length: samples }, () => ({ prompt, ids }));
  });
  const drawn: DrawnAnswer[] = [];
  for (let start = 0; start < rows.length; start += batchSize) {
    onProgress?.(start, rows.length);
    const batch = rows.slice(start, start + batchSize);
    const lastIds = new Map<number, number>();
    const answers = await generator.generate(
      batch.map(({ ids }) => ids),
      { ...generating, firstRow: firstRow + start, onToken: ({ row, id }) => void lastIds.set(row, id) },
    );
    for (const [i, { ids, text, finishReason }] of answers.entries()) {
      const { prompt, ids: promptIds } = batch[i]!;
      const isCut = finishReason === 'length';
      const stop = isCut ? [] : [lastIds.get(i)!];
      drawn.push({
        promptId: prompt.id,
        prompt: lastTurn(prompt),
        text,
        isCut,
        tokens: {
          id: `${prompt.id}/${start + i}`,
          prompt: Int32Array.from(promptIds),
          completion: Int32Array.from([...ids, ...stop]),
        } as TokenizedCompletion,
      });
    }
  }
  onProgress?.(rows.length, rows.length);
  return drawn;
}

function lastTurn({ content }: Prompt): string {
  return typeof content === 'string' ? content : content.at(-1)!.content;
}
