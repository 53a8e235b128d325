import { PreftuneError } from '../core/index.ts';
import type { Device } from '../runtime/index.ts';
import type { Answer, GeneratedToken } from './answer.ts';
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import type { Submission } from './entry.ts';
import type { EngineModel } from './engine-model.ts';
import { BASE } from './registry.ts';
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

export interface GeneratorOptions extends EngineModel, EngineOptions {}

/**
 * Folds the adapter into the weights and compiles the step: less than a second for a model of 135 million weights.
 *
 * @example
 * ```ts
 * import { createGenerator, openDevice, openModel, plainDecoder } from 'preftune';
 * import { loadModel } from 'preftune/policy';
 *
 * const { config, files, tokenizer } = await openModel('model.gguf');
 * const device = await openDevice({ device: 'cpu' });
 * const { weights } = await loadModel(device, config, files.checkpoint);
 * const generator = await createGenerator(device, { tokenizer, decoder: plainDecoder(config), resident: weights });
 * const [answer] = await generator.generate([tokenizer.encode('What is a comet?')], { maxNewTokens: 64 });
 * console.log(answer?.text);
 * await device.dispose();
 * ```
 */
export async function createGenerator(
  device: Device,
  { decoder, tokenizer, resident, constants, dispose, ...options }: GeneratorOptions,
): Promise<Generator> {
  const engine = createEngine(device, options);
  const model: EngineModel = { decoder, tokenizer, resident, constants, dispose };
  await engine.addModel(BASE, model);
  return generatorOf(engine, model);
}

function stopped(): PreftuneError {
  return new PreftuneError('cancelled', 'generate: stopped before the answer ended');
}

/** What answers lists of prompts with an engine's model BASE and its adapters; the engine is disposed with it. */
export function generatorOf(engine: Engine, { decoder }: Pick<EngineModel, 'decoder'>): Generator {
  const generate = async (prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<Answer[]> => {
    const { firstRow = 0, places, adapters, signal, onToken, onAnswer, ...decoding } = options;
    checkDecoding(decoding, decoder.config.vocabularySize);
    checkPrompts(prompts, decoder.config, decoding);
    if (signal?.aborted) throw stopped();
    const submissions: Submission[] = [];
    const progress = { underWay: 0, isEnding: false };
    let wake: (() => void) | undefined;
    const submit = (prompt: readonly number[], row: number): Promise<Answer> => {
      const submission = engine.submit({
        ...decoding,
        prompt,
        stream: places?.[row] ?? firstRow + row,
        adapter: adapters?.[row],
        ...(onToken && { onToken: (token) => onToken({ row, ...token }) }),
      });
      submissions.push(submission);
      progress.underWay++;
      const answer = submission.answer.then((finished) => {
        onAnswer?.(row, finished);
        return finished;
      });
      const tell = (): void => {
        progress.underWay--;
        wake?.();
      };
      answer.then(tell, () => {
        progress.isEnding = true;
        tell();
      });
      return answer;
    };
    const answers: Promise<Answer>[] = [];
    const cancel = (): void => {
      progress.isEnding = true;
      submissions.forEach((submission) => submission.cancel());
    };
    // One listener for all: Node warns of the eleventh on a signal.
    signal?.addEventListener('abort', cancel);
    try {
      for (const [row, prompt] of prompts.entries()) {
        // The queue may be full of our own prompts, or of others': then the next one waits here for one of ours to end.
        while (!progress.isEnding && progress.underWay > 0 && !engine.hasRoom(prompt.length))
          await new Promise<void>((resolve) => (wake = resolve));
        if (progress.isEnding) break;
        answers.push(submit(prompt, row));
      }
      const given = await Promise.all(answers);
      // The signal may fire between the last answer under way and the next prompt.
      if (given.length < prompts.length) throw stopped();
      return given;
    } catch (error) {
      cancel();
      await Promise.allSettled(answers);
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
  return { generate, dispose: () => engine.dispose() };
}
