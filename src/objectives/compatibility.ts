import type { LossName } from './registry.ts';

/** Whose numbers an objective shall give, where the field has several versions of one name. */
export const COMPATIBILITY_MODES = ['trl-0.28', 'trl-1', 'original'] as const;
export type CompatibilityMode = (typeof COMPATIBILITY_MODES)[number];

/** A default under a mode; `refused` where that version has no such option, so that giving it would not reproduce it. */
export type CompatibleValue = { readonly default: number | string } | 'refused' | 'as preftune';

export interface CompatibilityRow {
  readonly topic: string;
  readonly option: string;
  /** Losses that the row is about; undefined for every one that has the option. */
  readonly losses?: readonly LossName[];
  readonly modes: Readonly<Record<CompatibilityMode, CompatibleValue>>;
}

const SAME = 'as preftune';

/**
 * Every difference as the default of an option, or as an option that a version does not have. `original` is the authors' code, or the
 * paper's equation where there is none. Defaults that merely differ in size (beta, gamma) stand with the options as TRL's default
 * and hold in both TRL modes.
 */
export const COMPATIBILITY: readonly CompatibilityRow[] = [
  {
    topic: 'label smoothing of DPO (cDPO): TRL since 0.29 ignores it',
    option: 'labelSmoothing',
    losses: ['sigmoid', 'sigmoid_norm', 'ld_dpo', 'wpo'],
    modes: { 'trl-0.28': SAME, 'trl-1': 'refused', original: SAME },
  },
  {
    topic: 'IPO: per token, or on sums as in the equation',
    option: 'ipoForm',
    modes: { 'trl-0.28': { default: 'mean' }, 'trl-1': { default: 'mean' }, original: { default: 'sum' } },
  },
  {
    topic: 'shift of bco_pair: running mean of rewards, or none',
    option: 'bcoShift',
    losses: ['bco_pair'],
    modes: { 'trl-0.28': { default: 'running' }, 'trl-1': { default: 'zero' }, original: { default: 'running' } },
  },
  {
    topic: 'LD-DPO: both models, or the policy alone',
    option: 'ldSides',
    modes: { 'trl-0.28': { default: 'policy' }, 'trl-1': { default: 'both' }, original: { default: 'both' } },
  },
  {
    topic: 'weight of a WPO pair: cut to at most 1, or not',
    option: 'wpoClamp',
    modes: { 'trl-0.28': { default: 'one' }, 'trl-1': { default: 'none' }, original: { default: 'one' } },
  },
  {
    topic: 'exponent of the alpha-divergence',
    option: 'fAlphaForm',
    modes: { 'trl-0.28': { default: 'paper' }, 'trl-1': { default: 'trl' }, original: { default: 'paper' } },
  },
  {
    topic: 'default order of the alpha-divergence',
    option: 'fAlpha',
    modes: { 'trl-0.28': { default: 1 }, 'trl-1': { default: 0.5 }, original: SAME },
  },
  {
    topic: 'f-divergence of losses of each score alone: TRL and the papers have plain log-ratios',
    option: 'fDivergence',
    losses: ['nca_pair', 'bco_pair', 'sppo_hard'],
    modes: { 'trl-0.28': 'refused', 'trl-1': 'refused', original: 'refused' },
  },
  {
    topic: 'f-divergence per token: TRL up to 0.28 used plain log-ratios',
    option: 'fDivergence',
    losses: ['sigmoid_norm'],
    modes: { 'trl-0.28': 'refused', 'trl-1': SAME, original: 'refused' },
  },
  {
    topic: 'SPPO: sum of the two squares, or their mean',
    option: 'sppoForm',
    modes: { 'trl-0.28': { default: 'sum' }, 'trl-1': { default: 'sum' }, original: { default: 'mean' } },
  },
  {
    topic: "weight of the squares of Cal-DPO: 1 in the paper, 0.5 in the authors' code",
    option: 'calibrationWeight',
    modes: { 'trl-0.28': SAME, 'trl-1': SAME, original: { default: 0.5 } },
  },
  {
    topic:
      'what the likelihood of `sft` is divided by: tokens of the row, of the batch (TRL), or of prompt and answer (RPO)',
    option: 'sftMean',
    modes: { 'trl-0.28': { default: 'batch' }, 'trl-1': { default: 'batch' }, original: { default: 'sequence' } },
  },
];

/** What a mode says of an option of a loss; undefined where it says nothing. */
export function compatibleValue(loss: LossName, option: string, mode: CompatibilityMode): CompatibleValue | undefined {
  const row = COMPATIBILITY.find((each) => each.option === option && (each.losses?.includes(loss) ?? true));
  return row?.modes[mode];
}
