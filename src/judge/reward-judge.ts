import type { Content } from '../data/index.ts';
import { type Asker, mapConcurrently, NO_USAGE } from '../ask/index.ts';
import { answerText, promptText } from './content-text.ts';
import type { CompareOptions, Judge, NoVerdictReason } from './judge.ts';

/** A number for an answer, more being better, or why there is none. */
export type Reward =
  | { readonly kind: 'reward'; readonly value: number }
  | { readonly kind: 'none'; readonly reason: NoVerdictReason; readonly message: string };

/** Gives answers to one prompt their rewards: a reward model, a classifier, an implicit reward. */
export interface RewardSource {
  /** Everything that decides its rewards. */
  readonly identity: string;
  rewards(prompt: Content, answers: readonly Content[], options?: CompareOptions): Promise<readonly Reward[]>;
}

export interface RewardJudgeOptions {
  readonly name: string;
  readonly source: RewardSource;
  /** Rewards nearer than this are a tie; default 0. */
  readonly tieMargin?: number;
}

/**
 * A judge who takes the answer with the higher reward. Confidence is 2 s(|difference|) - 1 with s the logistic function: 0 at a tie, near 1 where Bradley and Terry's model leaves
 * no doubt. No verdict where an answer has no reward.
 */
export function createRewardJudge({ name, source, tieMargin = 0 }: RewardJudgeOptions): Judge {
  return {
    name,
    identity: JSON.stringify({ kind: 'reward', tieMargin, source: source.identity }),
    async compare({ prompt, a, b }, options) {
      const parts = { judge: name, calls: [], usage: NO_USAGE };
      const [one, other] = await source.rewards(prompt, [a, b], options);
      for (const reward of [one!, other!]) {
        if (reward.kind === 'none') return { kind: 'none', ...parts, reason: reward.reason, message: reward.message };
      }
      const values = [one!, other!].map((reward) => (reward.kind === 'reward' ? reward.value : 0));
      const difference = values[0]! - values[1]!;
      const verdict = Math.abs(difference) <= tieMargin ? 'tie' : difference > 0 ? 'a' : 'b';
      const confidence = verdict === 'tie' ? 0 : Math.tanh(Math.abs(difference) / 2);
      const rationale = `reward: ${values.map((value) => value.toPrecision(4)).join(' against ')}`;
      return { kind: 'verdict', ...parts, verdict, confidence, rationale };
    },
  };
}

/** Rewards from a scorer behind HTTP; every score is kept before it is used, and never asked for twice. */
export function rewardsOfAsker(asker: Asker): RewardSource {
  return {
    identity: JSON.stringify({ kind: 'http', url: asker.endpoint.url, model: asker.endpoint.model }),
    rewards: (prompt, answers, options) =>
      mapConcurrently(
        answers,
        async (answer, _, signal): Promise<Reward> => {
          const question = [
            { role: 'user', content: promptText(prompt) },
            { role: 'assistant', content: answerText(answer) },
          ] as const;
          const { outcome } = await asker.ask(question, { signal });
          if (outcome.kind === 'refused') return { kind: 'none', reason: outcome.reason, message: outcome.message };
          return { kind: 'reward', value: Number(outcome.reply.text) };
        },
        options,
      ),
  };
}
