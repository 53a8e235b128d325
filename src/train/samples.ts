import { PreftuneError } from '../core/index.ts';
import type { RowSet, TokenizedCompletion, TokenizedPair } from '../data/index.ts';
import type { DeviceTensor } from '../runtime/index.ts';
import type { ReportSample } from '../store/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { SampledModel, SampledPrompt } from './context.ts';
import type { Session, TrainOptions } from './session.ts';
import type { Trainable } from './trainable.ts';

/** A text without prompt is continued from so many of its tokens, at most half of them. */
const TEXT_START_TOKENS = 16;

/** The first `count` different prompts of the rows, in their order. */
export function samplePrompts(
  rows: RowSet<TokenizedPair | TokenizedCompletion>,
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
    if (ids.length > 0) prompts.push({ ids, text: shownPrompt(tokenizer, ids) });
  }
  return prompts;
}

function promptOf(row: TokenizedPair | TokenizedCompletion): number[] {
  if (row.prompt.length > 0 || !('completion' in row)) return [...row.prompt];
  return [...row.completion.subarray(0, Math.min(TEXT_START_TOKENS, row.completion.length >> 1))];
}

/** The prompt as a person wrote it: what the template puts around a single turn of a user is taken off. */
function shownPrompt({ decode, chatTemplate }: Tokenizer, ids: readonly number[]): string {
  const text = decode(ids);
  const [before, after] = frameOf(chatTemplate);
  const isFramed = text.startsWith(before) && text.endsWith(after) && text.length >= before.length + after.length;
  return isFramed ? text.slice(before.length, text.length - after.length) : text;
}

const MARK = '\u2060prompt\u2060';

function frameOf(template: Tokenizer['chatTemplate']): readonly [before: string, after: string] {
  try {
    const rendered = template?.render([{ role: 'user', content: MARK }], { addGenerationPrompt: true }) ?? MARK;
    const at = rendered.indexOf(MARK);
    return at < 0 ? ['', ''] : [rendered.slice(0, at), rendered.slice(at + MARK.length)];
  } catch (thrown) {
    // A template may refuse a conversation of one turn.
    if (thrown instanceof PreftuneError) return ['', ''];
    throw thrown;
  }
}

/** Weights and trained tensors, by input name. */
export function residentTensors({ model }: Session, { tensors }: Trainable): Map<string, DeviceTensor> {
  return new Map([...model.weights, ...[...tensors].filter(([name]) => !name.startsWith('optimizer/'))]);
}

/** The answers of the report. */
export interface Sampling {
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
  { session, context, specification, promptsOf }: TrainOptions,
  trainable: Trainable,
): Sampling {
  const { device, tokenizer, policy, model } = session;
  const { listener } = context;
  const prompts = context.sampler === undefined && specification.samples > 0 ? promptsOf(tokenizer) : [];
  const sampler = context.sampler ?? (prompts.length > 0 ? context.samplePrompts?.(prompts) : undefined);
  const ask = async (decoder: SampledModel['decoder'], resident: SampledModel['resident']) => {
    if (sampler === undefined || context.signal?.aborted === true) return undefined;
    try {
      return await sampler.answer({ device, tokenizer, decoder, resident });
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      if (thrown.code !== 'cancelled') listener.onWarning?.(`the report shows no answers: ${thrown.message}`);
      return undefined;
    }
  };
  let before: readonly string[] | undefined;
  return {
    beforeTraining: async () => {
      if (!policy.keepsReference) before = await ask(policy.evaluation, residentTensors(session, trainable));
    },
    afterTraining: async () => {
      if (sampler === undefined) return [];
      if (policy.keepsReference) before = await ask(policy.reference, model.weights);
      const after = before && (await ask(policy.evaluation, residentTensors(session, trainable)));
      return (after ?? []).map((answer, i) => ({ prompt: sampler.prompts[i]!, before: before![i]!, after: answer }));
    },
  };
}
