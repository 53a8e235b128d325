import type { ChoiceOption, LossOptions, NumberOption } from './definition.ts';

/** Options that several losses share. One name means one thing everywhere, so that the terms of a mixture can share values. */

/** beta above 0, with the paper's default, and TRL's where it differs. */
export function betaOption(meaning: string, defaultBeta = 0.1, trlDefault = 0.1) {
  return {
    default: defaultBeta,
    ...(trlDefault === defaultBeta ? {} : { trlDefault }),
    minimum: 0,
    exclusiveMinimum: true,
    meaning,
  } as const;
}

export const REWARD_BETA = 'strength of the pull towards the reference; the implicit reward is beta x log-ratio';

/** Assumed share of pairs whose sides are swapped, in [0, 0.5). */
export const labelSmoothing = {
  default: 0,
  minimum: 0,
  maximum: 0.5,
  exclusiveMaximum: true,
  meaning: 'assumed share of pairs whose sides are swapped',
} as const satisfies NumberOption;

function isSet(option: string, neutral: number | string) {
  return (options: LossOptions): boolean => options[option] !== neutral;
}

/** Length-desensitised log-probabilities (LD-DPO). */
export const ldOptions = {
  ldAlpha: {
    default: 1,
    minimum: 0,
    maximum: 1,
    meaning: 'how much the tokens beyond the shorter answer count; 1 counts all fully (LD-DPO)',
  },
  ldSides: {
    default: 'both',
    choices: ['both', 'policy'],
    meaning: 'whether ldAlpha applies to policy and reference, or to the policy alone',
    effective: { when: isSet('ldAlpha', 1), needs: 'ldAlpha below 1' },
  },
} as const satisfies Record<string, NumberOption | ChoiceOption>;

/** Weights by how likely the policy is to write both answers (WPO). */
export const weightingOptions = {
  weighting: {
    default: 'none',
    choices: ['none', 'wpo'],
    meaning: 'wpo weighs pairs by how probable their answers are under the policy',
  },
  wpoClamp: {
    default: 'one',
    choices: ['one', 'none'],
    meaning: 'whether the weight of a pair is cut to at most 1',
    effective: { when: isSet('weighting', 'none'), needs: 'weighting wpo' },
  },
} as const satisfies Record<string, NumberOption | ChoiceOption>;

/** The divergence that replaces the reverse KL of DPO's reward problem. */
export const divergenceOptions = {
  fDivergence: {
    default: 'reverse_kl',
    choices: ['reverse_kl', 'forward_kl', 'js_divergence', 'alpha_divergence'],
    meaning: 'divergence between policy and reference',
  },
  fAlpha: {
    default: 0.5,
    minimum: -4,
    maximum: 4,
    meaning: 'order of the alpha-divergence',
    effective: {
      when: (options) => options['fDivergence'] === 'alpha_divergence',
      needs: 'fDivergence alpha_divergence',
    },
  },
  fAlphaForm: {
    default: 'paper',
    choices: ['paper', 'trl'],
    meaning: 'paper: (1 - u^-alpha) / alpha, 0 being the reverse KL; trl: (u^(alpha-1) - 1) / (alpha - 1), 1 being it',
    effective: {
      when: (options) => options['fDivergence'] === 'alpha_divergence',
      needs: 'fDivergence alpha_divergence',
    },
  },
} as const satisfies Record<string, NumberOption | ChoiceOption>;

/** For the losses in which the two scores do not stand as a difference alone. */
export const offsetOption = {
  fOffset: {
    default: 'zero',
    choices: ['zero', 'trl'],
    meaning:
      'zero: scores are 0 where policy and reference agree; trl: constants dropped as TRL 0.29 to 1.10 dropped them',
    effective: { when: isSet('fDivergence', 'reverse_kl'), needs: 'fDivergence other than reverse_kl' },
  },
} as const satisfies Record<string, ChoiceOption>;

/** What every paired loss with a reference takes. */
export const pairOptions = { ...ldOptions, ...weightingOptions } as const;

/** What the losses of the scaled reward difference take besides. */
export const scoreOptions = { ...divergenceOptions, ...pairOptions } as const;
