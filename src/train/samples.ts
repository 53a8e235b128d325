import type { Device } from '../runtime/index.ts';
import type { Policy, ResidentModel } from '../policy/index.ts';
import type { RecipeContext, SampledAnswer, SampledModel, SampledPrompt } from './context.ts';
import { residentTensors, type Trainable } from './loop/trainable.ts';
import { PreftuneError } from '../core/index.ts';
import { openLanguageDetector } from '../answers/index.ts';
import type { RowSet } from '../data/index.ts';
import { flawTexts, judgeSamples, type JudgedSample, type SampleVerdict } from '../monitor/index.ts';
import type { ReportSample } from '../report/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { answerOfData, betterAnswer, seenAnswers, type SampledRow } from './seen-answers.ts';

/** A text without prompt is continued from so many of its tokens, at most half of them. */
const TEXT_START_TOKENS = 16;

/** Rows of any recipe. */
export type SampledRows = RowSet<SampledRow>;

/** The first `count` different prompts of the rows, in their order. */
export function samplePrompts(rows: SampledRows, tokenizer: Tokenizer, count: number): SampledPrompt[] {
  const seen = new Set<number>();
  const prompts: SampledPrompt[] = [];
  for (let index = 0; index < rows.count && prompts.length < count; index++) {
    const hash = rows.promptHashes[index]!;
    if (seen.has(hash)) continue;
    seen.add(hash);
    const row = rows.row(index);
    const ids = promptOf(row);
    const chosen = row.prompt.length === 0 ? undefined : betterAnswer(row);
    const shown = { ids, ...shownPrompt(tokenizer, ids), hash };
    if (ids.length > 0) prompts.push(chosen === undefined ? shown : { ...shown, chosen: [...chosen] });
  }
  return prompts;
}

function promptOf(row: SampledRow): number[] {
  if (row.prompt.length > 0 || !('completion' in row)) return [...row.prompt];
  return [...row.completion.subarray(0, Math.min(TEXT_START_TOKENS, row.completion.length >> 1))];
}

/** The prompt as people wrote it, where the chat template can be taken off; else as the model reads it. */
function shownPrompt(
  { decode, chatTemplate }: Tokenizer,
  ids: readonly number[],
): Pick<SampledPrompt, 'text' | 'earlier'> {
  const text = decode(ids);
  const turns = turnsOf(text, chatTemplate) ?? [text];
  return { text: turns.at(-1)!, earlier: turns.slice(0, -1) };
}

/** Words that no template writes. */
const MARKS = ['\u2060first\u2060', '\u2060second\u2060', '\u2060third\u2060'] as const;

/** The turns of a rendered conversation, found by what the template writes around and between marks; undefined where they are not clear. */
function turnsOf(text: string, template: Tokenizer['chatTemplate']): string[] | undefined {
  const frame = frameOf(template);
  if (frame === undefined) return undefined;
  const [before, toAnswer, toQuestion, after] = frame;
  const isFramed = text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
  if (!isFramed || toAnswer === '' || toQuestion === '') return undefined;
  const rounds = text.slice(before.length, text.length - after.length).split(toQuestion);
  const turns = rounds.map((round) => round.split(toAnswer));
  const isRegular = turns.every((round, index) => round.length === (index < rounds.length - 1 ? 2 : 1));
  return isRegular ? turns.flat() : undefined;
}

function frameOf(
  template: Tokenizer['chatTemplate'],
): [before: string, toAnswer: string, toQuestion: string, after: string] | undefined {
  const roles = ['user', 'assistant', 'user'];
  try {
    const messages = MARKS.map((content, index) => ({ role: roles[index]!, content }));
    const rendered = template?.render(messages, { addGenerationPrompt: true }) ?? '';
    const [before, toAnswer, toQuestion, after, ...more] = rendered.split(new RegExp(MARKS.join('|'), 'u'));
    return after === undefined || more.length > 0 ? undefined : [before!, toAnswer!, toQuestion!, after];
  } catch (thrown) {
    // A template may refuse such a conversation.
    if (thrown instanceof PreftuneError) return undefined;
    throw thrown;
  }
}

/** The model that answers. */
export interface SampledSession {
  readonly device: Device;
  readonly tokenizer: Tokenizer;
  readonly policy: Policy;
  readonly model: ResidentModel;
}

export interface SamplingOptions {
  readonly context: Pick<RecipeContext, 'sampler' | 'samplePrompts' | 'signal' | 'listener'>;
  /** Prompts that are answered. */
  readonly samples: number;
  readonly hasHeldOut: boolean;
  /** What is trained on. */
  readonly trained: SampledRows;
  readonly promptsOf: (tokenizer: Tokenizer) => readonly SampledPrompt[];
}

/** Answers before and after training, as the report shows them and as they are judged and stored. */
export interface Sampled {
  readonly shown: readonly ReportSample[];
  readonly judged: readonly JudgedSample[];
  /** Undefined where there are none. */
  readonly verdict: SampleVerdict | undefined;
}

export const NO_SAMPLES: Sampled = { shown: [], judged: [], verdict: undefined };

/** The answers of the report. */
export interface Sampling {
  /** Which prompts are answered, and how; undefined where the caller chose them. */
  readonly note: string | undefined;
  /** To be called before the parameters change. */
  beforeTraining(): Promise<void>;
  afterTraining(): Promise<Sampled>;
}

/**
 * Answers the run's prompts with the model as it started and as it became. Where training leaves the start as it is, under a new adapter, both
 * are asked at the end, so that the first step does not wait. Answers are never worth a run: where they fail the user is warned, and
 * where the signal fires there are none.
 */
export function createSampling(
  { device, tokenizer, policy, model }: SampledSession,
  trainable: Trainable,
  { context, samples, hasHeldOut, trained, promptsOf }: SamplingOptions,
): Sampling {
  const { listener } = context;
  const prompts = context.sampler === undefined && samples > 0 ? promptsOf(tokenizer) : [];
  const sampler = context.sampler ?? (prompts.length > 0 ? context.samplePrompts?.(prompts) : undefined);
  const ask = async (decoder: SampledModel['decoder'], resident: SampledModel['resident'], when: 'was' | 'is now') => {
    if (sampler === undefined || context.signal?.aborted === true) return undefined;
    try {
      const count = sampler.prompts.length;
      listener.onLoad?.(
        `answering ${count} ${count === 1 ? 'prompt' : 'prompts'} for the report, as the model ${when}`,
      );
      return await sampler.answer({ device, tokenizer, decoder, resident });
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      if (thrown.code !== 'cancelled') listener.onWarning?.(`the report shows no answers: ${thrown.message}`);
      return undefined;
    }
  };
  let before: readonly SampledAnswer[] | undefined;
  const source = !hasHeldOut ? 'Prompts of the training data (nothing is held out)' : 'Held-out prompts';
  return {
    note: prompts.length === 0 ? undefined : `${source}, each answered with the likeliest tokens.`,
    beforeTraining: async () => {
      if (!policy.keepsReference) before = await ask(policy.evaluation, residentTensors(model, trainable), 'was');
    },
    afterTraining: async () => {
      if (sampler === undefined) return NO_SAMPLES;
      if (policy.keepsReference) before = await ask(policy.reference, model.weights, 'was');
      const after = before && (await ask(policy.evaluation, residentTensors(model, trainable), 'is now'));
      if (after === undefined) return NO_SAMPLES;
      const [seenBefore, seenAfter] = [before!, after].map((answers) =>
        seenAnswers(answers, { tokenizer, prompts, trained }),
      );
      const judged = sampler.prompts.map((prompt, i): JudgedSample => {
        const chosen = prompts[i]?.chosen;
        return {
          prompt,
          ...(chosen && { chosen: answerOfData(chosen, tokenizer) }),
          before: seenBefore![i]!,
          after: seenAfter![i]!,
        };
      });
      const verdict = judgeSamples(judged, { detectLanguage: await openLanguageDetector() });
      const shown = sampler.prompts.map((prompt, i): ReportSample => ({
        prompt,
        ...((prompts[i]?.earlier.length ?? 0) > 0 ? { earlier: prompts[i]!.earlier } : {}),
        before: shownAnswer(before![i]!),
        after: shownAnswer(after[i]!),
        flaws: flawTexts(verdict.flaws[i]!),
      }));
      return { shown, judged, verdict };
    },
  };
}

/** A longer answer was cut, and ends with `...`. */
function shownAnswer({ text, finishReason }: SampledAnswer): string {
  return finishReason === 'stop' ? text : `${text} ...`;
}
