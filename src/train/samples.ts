import type { Device } from '../runtime/index.ts';
import type { Policy, ResidentModel } from '../policy/index.ts';
import type { RecipeContext, SampledModel, SampledPrompt } from './context.ts';
import { residentTensors, type Trainable } from './loop/trainable.ts';
import { PreftuneError } from '../core/index.ts';
import type { RowSet, TokenizedCompletion, TokenizedRanking, TokenizedPair } from '../data/index.ts';
import type { ReportSample } from '../report/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';

/** A text without prompt is continued from so many of its tokens, at most half of them. */
const TEXT_START_TOKENS = 16;

/** The first `count` different prompts of the rows, in their order. */
export function samplePrompts(
  rows: RowSet<TokenizedPair | TokenizedCompletion | TokenizedRanking>,
  tokenizer: Tokenizer,
  count: number,
): SampledPrompt[] {
  const seen = new Set<number>();
  const prompts: SampledPrompt[] = [];
  for (let index = 0; index < rows.count && prompts.length < count; index++) {
    const hash = rows.promptHashes[index]!;
    if (seen.has(hash)) continue;
    seen.add(hash);
    const ids = promptOf(rows.row(index));
    if (ids.length > 0) prompts.push({ ids, ...shownPrompt(tokenizer, ids) });
  }
  return prompts;
}

function promptOf(row: TokenizedPair | TokenizedCompletion | TokenizedRanking): number[] {
  if (row.prompt.length > 0 || !('completion' in row)) return [...row.prompt];
  return [...row.completion.subarray(0, Math.min(TEXT_START_TOKENS, row.completion.length >> 1))];
}

/** The prompt as people wrote it, where the chat template can be taken off; else as the model reads it. */
function shownPrompt({ decode, chatTemplate }: Tokenizer, ids: readonly number[]): Omit<SampledPrompt, 'ids'> {
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
  readonly promptsOf: (tokenizer: Tokenizer) => readonly SampledPrompt[];
}

/** The answers of the report. */
export interface Sampling {
  /** Which prompts are answered, and how; undefined where the caller chose them. */
  readonly note: string | undefined;
  /** To be called before the parameters change. */
  beforeTraining(): Promise<void>;
  afterTraining(): Promise<readonly ReportSample[]>;
}

/**
 * Answers the run's prompts with the model as it started and as it became. Where training leaves the start as it is, under a new adapter, both
 * are asked at the end, so that the first step does not wait. Answers are never worth a run: where they fail the user is warned, and
 * where the signal fires there are none.
 */
export function createSampling(
  { device, tokenizer, policy, model }: SampledSession,
  trainable: Trainable,
  { context, samples, hasHeldOut, promptsOf }: SamplingOptions,
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
  let before: readonly string[] | undefined;
  const source = !hasHeldOut ? 'Prompts of the training data (nothing is held out)' : 'Held-out prompts';
  return {
    note: prompts.length === 0 ? undefined : `${source}, each answered with the likeliest tokens.`,
    beforeTraining: async () => {
      if (!policy.keepsReference) before = await ask(policy.evaluation, residentTensors(model, trainable), 'was');
    },
    afterTraining: async () => {
      if (sampler === undefined) return [];
      if (policy.keepsReference) before = await ask(policy.reference, model.weights, 'was');
      const after = before && (await ask(policy.evaluation, residentTensors(model, trainable), 'is now'));
      return (after ?? []).map((answer, i) => ({
        prompt: sampler.prompts[i]!,
        ...((prompts[i]?.earlier.length ?? 0) > 0 ? { earlier: prompts[i]!.earlier } : {}),
        before: before![i]!,
        after: answer,
      }));
    },
  };
}
