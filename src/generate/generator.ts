import { PreftuneError } from '../core/index.ts';
import type { Device } from '../runtime/index.ts';
import type { Answer, GeneratedToken } from './answer.ts';
import { BASE, createEngine, type Engine, type EngineModel, type EngineOptions } from './engine.ts';
import { checkDecoding, checkPrompts, type DecodingOptions } from './request.ts';

export interface GenerateOptions extends DecodingOptions {
  /** The place of the first prompt among all that are answered with one seed, however they are cut into calls. Default 0. */
  readonly firstRow?: number;
  /** The place of each prompt among them, where they do not follow one another. */
  readonly places?: readonly number[] | undefined;
  /** The adapter of each prompt, where the generator has several; undefined for the base. */
  readonly adapters?: readonly (string | undefined)[] | undefined;
  /** Throws cancelled at the next token. */
  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((token: GeneratedToken) => void) | undefined;
  /** Each answer when it is there, in the order in which they end; `row` is the prompt's place, from 0. */
  readonly onAnswer?: ((row: number, answer: Answer) => void) | undefined;
}

/** Decodes with a key/value cache that stays on the device. Temperature and topP default to 0 (greedy) and 1. */
export interface Generator {
  /**
   * Answers every prompt (token ids, at least one each), as many at once as the generator has rows; where one is answered the
   * next one begins. Throws bad-input for prompts that do not fit the model, bad-usage for options out of range, cancelled.
   */
  generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<Answer[]>;
  dispose(): Promise<void>;
}

export interface GeneratorOptions extends EngineModel, Omit<EngineOptions, 'models'> {}

/** Folds the adapter into the weights and compiles the step: seconds for a model of 135 million weights. */
export async function createGenerator(
  device: Device,
  { tokenizer, maxRows, stepTokens, keepsPrefix, ...model }: GeneratorOptions,
): Promise<Generator> {
  const models = new Map([[BASE, model]]);
  const engine = await createEngine(device, { tokenizer, maxRows, stepTokens, keepsPrefix, models });
  return generatorOf(engine, model);
}

/** What answers lists of prompts with an engine; the engine is disposed with it. */
export function generatorOf(engine: Engine, { decoder }: Pick<EngineModel, 'decoder'>): Generator {
  const generate = async (prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<Answer[]> => {
    const { firstRow = 0, places, adapters, signal, onToken, onAnswer, ...decoding } = options;
    checkDecoding(decoding);
    checkPrompts(prompts, decoder.config);
    if (signal?.aborted) throw new PreftuneError('cancelled', 'generate: stopped before the answer ended');
    const submissions = prompts.map((prompt, row) =>
      engine.submit({
        ...decoding,
        prompt,
        stream: places?.[row] ?? firstRow + row,
        adapter: adapters?.[row],
        ...(onToken && { onToken: (token) => onToken({ row, ...token }) }),
      }),
    );
    const cancel = (): void => submissions.forEach((submission) => submission.cancel());
    signal?.addEventListener('abort', cancel);
    try {
      return await Promise.all(
        submissions.map(async ({ answer }, row) => {
          const finished = await answer;
          onAnswer?.(row, finished);
          return finished;
        }),
      );
    } catch (error) {
      cancel();
      await Promise.allSettled(submissions.map(({ answer }) => answer));
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
  return { generate, dispose: () => engine.dispose() };
}
