/** The versions of TRL whose tokens can be had: 0.28 is the last one with max_prompt_length; trl-1 is 1.16. */
export const TRL_VERSIONS = ['trl-0.28', 'trl-1'] as const;
export type TrlVersion = (typeof TRL_VERSIONS)[number];

/**
 * TRL's trainers as far as they prepare rows differently. `cpo` is CPOTrainer and ORPOTrainer, `kto` is KTOTrainer and, in 0.28,
 * BCOTrainer.
 */
export type TrlTrainer = 'dpo' | 'cpo' | 'kto' | 'sft';

/** Whose ids and whose scored tokens rows shall have. */
export interface TrlRules {
  readonly version: TrlVersion;
  readonly trainer: TrlTrainer;
}

/** The trainer as people know it. */
export function nameOfRules({ version, trainer }: TrlRules): string {
  return `TRL ${version === 'trl-1' ? '1.16' : '0.28'}'s ${trainer.toUpperCase()}Trainer`;
}

/** Tokens of a prompt where none are asked for: DPOConfig.max_prompt_length of 0.28. Other trainers have no such limit. */
const PROMPT_LIMIT = 512;

/** Of the prompt: its end is kept. Infinity: no limit. */
export function promptLimitOf({ version, trainer }: TrlRules, asked: number | undefined): number {
  return version === 'trl-0.28' && trainer === 'dpo' ? (asked ?? PROMPT_LIMIT) : Infinity;
}

/** Whether the rules have a limit of the prompt at all. */
export function hasPromptLimit(rules: TrlRules): boolean {
  return promptLimitOf(rules, 1) === 1;
}
