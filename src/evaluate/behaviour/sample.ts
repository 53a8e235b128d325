import type { TokenizedCompletion } from '../../data/index.ts';
import {
  encodePrompt,
  type Answer,
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
  /** The place of each prompt among all that are answered with one seed; default: its place in the list. */
  readonly places?: readonly number[];
  readonly onAnswer?: (answer: DrawnAnswer) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Answers of a model to every prompt, as many at once as its generator has rows, in the order of prompts. What is drawn for a prompt depends on the seed and its place alone.
 * Throws bad-input for prompts that do not fit the model, cancelled.
 */
export async function drawAnswers(
  { generator, tokenizer }: { readonly generator: Generator; readonly tokenizer: Tokenizer },
  prompts: readonly Prompt[],
  { samples, places, onAnswer, onProgress, ...decoding }: SamplingOptions & PromptOptions,
): Promise<DrawnAnswer[]> {
  const { system, isRaw, ...generating } = decoding;
  const rows = prompts.flatMap((prompt, i) => {
    const ids = encodePrompt(tokenizer, prompt, { system, ...(isRaw !== undefined && { isRaw }) });
    return Array.from({ length: samples }, (_, k) => ({ prompt, ids, place: samples * (places?.[i] ?? i) + k }));
  });
  const lastIds = new Map<number, number>();
  const drawnOf = (row: number, { ids, text, finishReason }: Answer): DrawnAnswer => {
    const { prompt, ids: promptIds, place } = rows[row]!;
    const isCut = finishReason === 'length';
    const stop = isCut ? [] : [lastIds.get(row)!];
    return {
      promptId: prompt.id,
      prompt: lastTurn(prompt),
      text,
      isCut,
      tokens: {
        id: `${prompt.id}/${place}`,
        prompt: Int32Array.from(promptIds),
        completion: Int32Array.from([...ids, ...stop]),
      } as TokenizedCompletion,
    };
  };
  let done = 0;
  onProgress?.(0, rows.length);
  const answers = await generator.generate(
    rows.map(({ ids }) => ids),
    {
      ...generating,
      places: rows.map(({ place }) => place),
      onToken: ({ row, id }) => void lastIds.set(row, id),
      onAnswer: (row, answer) => {
        onAnswer?.(drawnOf(row, answer));
        onProgress?.(++done, rows.length);
      },
    },
  );
  return answers.map((answer, row) => drawnOf(row, answer));
}

function lastTurn({ content }: Prompt): string {
  return typeof content === 'string' ? content : content.at(-1)!.content;
}
