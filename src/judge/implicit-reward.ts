import { createHash } from 'node:crypto';
import type { Content } from '../data/index.ts';
import { openScoreSession } from '../score/index.ts';
import { answerLike, answerText } from './content-text.ts';
import type { Reward, RewardSource } from './reward-judge.ts';
import type { ImplicitRewardSpecification } from './specification.ts';

export interface ImplicitRewardOptions {
  /** Turns the name of a model into a local path; default: it is one. */
  readonly resolve?: ((name: string, kind: 'model') => Promise<string>) | undefined;
  /** What chat templates are told, a local time in ISO 8601. Default: now. */
  readonly templateTime?: string | undefined;
}

/** One of them differs from any answer. */
const FILLERS = ['.', '!'];

/** A model that is open, and must be closed. */
export interface ImplicitReward extends RewardSource {
  close(): Promise<void>;
}

/**
 * What a model trained by preference thinks of answers: r = beta (log pi(y | x) - log pi_ref(y | x)), up to a number that depends on the prompt alone. The reference is the
 * model named so, else the model without its adapter. Answers are measured two by two, as training does. Throws bad-input for what cannot be opened.
 * Source: Rafailov et al. (2023), arXiv 2305.18290, equation 5.
 */
export async function openImplicitReward(
  specification: Omit<ImplicitRewardSpecification, 'kind' | 'tieMargin'>,
  { resolve = async (name) => name, templateTime }: ImplicitRewardOptions = {},
): Promise<ImplicitReward> {
  const { model, adapter, reference, beta, maxLength, device } = specification;
  const session = await openScoreSession({
    model,
    adapter,
    reference,
    resolve: (name) => resolve(name, 'model'),
    templateTime,
    maxLength,
    device,
  });
  const identity = createHash('sha256')
    .update(JSON.stringify({ session: session.identity, beta }))
    .digest('hex');
  const pairOf = async (prompt: Content, answers: readonly [Content, Content]): Promise<[Reward, Reward]> => {
    const [chosen, rejected] = answers;
    const scored = await session.score({ prompt, chosen, rejected });
    if (scored.kind === 'dropped') {
      const message =
        scored.reason === 'prompt-too-long' ? `the prompt has more than ${maxLength} tokens` : 'an answer has no token';
      if (!scored.reason.startsWith('identical-')) {
        const none = { kind: 'none', reason: 'too-long', message } as const;
        return [none, none];
      }
      // Answers that are equal in tokens have one reward: measured beside another text.
      const other = FILLERS.find((filler) => answerText(chosen).trim() !== filler)!;
      const [reward] = await pairOf(prompt, [chosen, answerLike(prompt, other)]);
      return [reward, reward];
    }
    const { chosenLogps, rejectedLogps, referenceChosenLogps = 0, referenceRejectedLogps = 0 } = scored.score;
    return [
      { kind: 'reward', value: beta * (chosenLogps - referenceChosenLogps) },
      { kind: 'reward', value: beta * (rejectedLogps - referenceRejectedLogps) },
    ];
  };
  return {
    identity,
    async rewards(prompt, answers) {
      const rewards: Reward[] = [];
      for (let i = 0; i < answers.length; i += 2) {
        const [first, second = answers[0]!] = answers.slice(i, i + 2);
        // A last one without a partner stands beside the first.
        rewards.push(...(await pairOf(prompt, [first!, second])).slice(0, answers.length - i));
      }
      return rewards;
    },
    close: session.close,
  };
}
