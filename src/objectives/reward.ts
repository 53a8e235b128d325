import { MAX_EXPONENT, type LengthDesensitising } from './scores.ts';

/**
 * The implicit reward of an answer under a loss, in the letters of docs/objectives.md, with and without a reference: what metrics, scores and
 * the checks of runs take. beta is the loss's own.
 */
export const REWARD_FORMS = {
  /** Source: Rafailov et al. 2023, equation 5; TRL's DPO, KTO and CPO trainers. */
  answer: { reference: 'beta a', free: 'beta s' },
  /** Source: Meng et al. 2024 (SimPO); TRL's CPO trainer with simpo, ORPO and TPO-L. */
  token: { reference: 'beta a / n', free: 'beta m' },
  /** Source: Zeng et al. 2024 (TDPO) and the authors' code. */
  'sequential-kl': { reference: 'beta (a + K)', free: undefined },
  /** Source: Huang et al. 2024 (chi-PO): beta phi(u), less its value where policy and reference agree. */
  'chi-squared': { reference: 'beta (phi(u) - 1)', free: undefined },
} as const satisfies Record<string, { readonly reference: string; readonly free: string | undefined }>;

export type RewardForm = keyof typeof REWARD_FORMS;

/** What is known of an answer. Log-probabilities in nats, summed over its scored tokens. */
export interface ScoredAnswer {
  readonly logps: number;
  /** 0 where there is no reference. */
  readonly referenceLogps: number;
  /** Scored tokens. */
  readonly tokens: number;
  /** Sum over tokens of KL(reference || policy), nats; needed by sequential-kl. */
  readonly sequentialKl?: number;
}

/** The reward that an objective gives to answers. */
export interface ObjectiveReward {
  readonly form: RewardForm;
  /** Where a schedule moves beta, the first one, unless the term has its own. */
  readonly beta: number;
  readonly hasOwnBeta: boolean;
  /** How tokens beyond the shorter answer count in rewards; fully where undefined. */
  readonly lengths?: LengthDesensitising;
  /** They count so in the metrics logps/* too, as in TRL. */
  readonly weighsLogps: boolean;
}

/**
 * The implicit reward of an answer: with d = log pi - log ref, answer beta d, token beta d / n, sequential-kl beta (d + K), chi-squared
 * beta (exp(d) - 1 + d), the exponent cut at MAX_EXPONENT.
 *
 * @example
 * ```ts run
 * import { implicitReward } from 'preftune/objectives';
 *
 * const answer = { logps: -12, referenceLogps: -14, tokens: 8 };
 * console.log(implicitReward('answer', 0.1, answer), implicitReward('token', 2, answer)); // 0.2 0.5
 * ```
 */
export function implicitReward(form: RewardForm, beta: number, answer: ScoredAnswer): number {
  const difference = answer.logps - answer.referenceLogps;
  switch (form) {
    case 'answer':
      return beta * difference;
    case 'token':
      return (beta * difference) / Math.max(1, answer.tokens);
    case 'sequential-kl':
      return beta * (difference + (answer.sequentialKl ?? 0));
    case 'chi-squared':
      return beta * (Math.expm1(Math.min(difference, MAX_EXPONENT)) + difference);
  }
}
