import { join } from 'node:path';
import type { Prompt, PromptOptions } from '../../generate/index.ts';
import { listCheckpoints, readMetrics } from '../../store/index.ts';
import { meanEstimate, type Estimate } from './estimates.ts';
import { estimateKl, type KlEstimate } from './kl.ts';
import { drawAnswers, type SamplingOptions } from './sample.ts';
import type { Subjects } from './subjects.ts';

/** A checkpoint: what was won, and how far the model went for it. */
export interface FrontierPoint {
  readonly step: number;
  readonly kl: KlEstimate;
  /** Tokens an answer. */
  readonly tokens: Estimate;
  /** What metrics.jsonl says of held-out pairs at that step, where it does. */
  readonly heldOut?: { readonly accuracy: number; readonly margin: number };
}

/**
 * KL from the reference at every checkpoint of a run, beside its held-out accuracy and margin, in the order of steps. `subjects` must be the run's
 * adapter beside its own base; it holds the last checkpoint's adapter afterwards.
 */
export async function frontierOf(
  subjects: Subjects,
  run: string,
  {
    prompts,
    onStep,
    ...sampling
  }: SamplingOptions &
    Omit<PromptOptions, 'isRaw'> & {
      readonly prompts: readonly Prompt[];
      readonly onStep?: (step: number, done: number, total: number) => void;
    },
): Promise<FrontierPoint[]> {
  const points: FrontierPoint[] = [];
  const checkpoints = [...listCheckpoints(run)].toSorted((a, b) => a.step - b.step);
  const metrics = readMetrics(join(run, 'metrics.jsonl'));
  for (const checkpoint of checkpoints) {
    const { step } = checkpoint;
    await subjects.setAdapter({ kind: 'checkpoint', run, checkpoint });
    const { generator, scorer } = await subjects.policy();
    const { tokenizer, isRaw } = subjects;
    const answers = await drawAnswers({ generator, tokenizer }, prompts, {
      ...sampling,
      isRaw,
      onProgress: (done, total) => onStep?.(step, done, total),
    });
    const scores = await scorer.score(answers.map(({ tokens }) => tokens));
    const clusters = answers.map(({ promptId }) => promptId);
    const kl = estimateKl(
      scores.map(({ logps, referenceLogps, kls }, i) => ({
        prompt: clusters[i]!,
        logps,
        referenceLogps: referenceLogps!,
        ...(kls && { kls }),
      })),
    )!;
    const lengths = answers.map(({ tokens: { completion } }) => completion.length);
    const record = metrics.findLast((one) => one.step === step && typeof one['eval_rewards/accuracies'] === 'number');
    points.push({
      step,
      kl,
      tokens: meanEstimate(lengths, clusters)!,
      ...(record && {
        heldOut: {
          accuracy: Number(record['eval_rewards/accuracies']),
          margin: Number(record['eval_rewards/margins']),
        },
      }),
    });
  }
  return points;
}
