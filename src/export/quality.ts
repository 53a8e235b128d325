import type { ToleratedFormat, Verification } from './verify.ts';

/** What a distance from the trained model means for who reads the answers. */
export type Quality = 'same' | 'close' | 'worse' | 'much-worse';

/**
 * The largest mean of |difference|, in nats a token, for each: docs/export.md has what was measured at which (how many answers stayed word for word what
 * they were, and how much less likely texts became).
 */
export const QUALITY_LIMITS = { same: 0.01, close: 0.1, worse: 0.25 } as const;

export function qualityOf({ mean }: Pick<Verification, 'mean'>): Quality {
  if (mean <= QUALITY_LIMITS.same) return 'same';
  if (mean <= QUALITY_LIMITS.close) return 'close';
  return mean <= QUALITY_LIMITS.worse ? 'worse' : 'much-worse';
}

const WORDS: Readonly<Record<Quality, string>> = {
  same: 'as good as the trained model',
  close: 'hardly worse than the trained model',
  worse: 'a little worse than the trained model',
  'much-worse': 'noticeably worse than the trained model',
};

/** Types of more bits, the smallest first, as the options name them. */
const MORE_BITS: Readonly<Partial<Record<ToleratedFormat, string>>> = {
  Q4_0: '--gguf-type Q8_0 is not, nor is F16',
  Q4_K_M: '--gguf-type Q8_0 is not, nor is F16',
  Q8_0: '--gguf-type F16 is not',
  Q8: '--onnx-type fp16 is not',
  BF16: 'F16 is not',
};

/** The distance in words, and which type has less of it where this is a loss. */
export function qualityText(verdict: Pick<Verification, 'mean' | 'bias' | 'format'>): string {
  const quality = qualityOf(verdict);
  if (quality === 'same' || quality === 'close') return WORDS[quality];
  const better = MORE_BITS[verdict.format];
  const less =
    verdict.bias < -0.01
      ? ` (each token of the samples ${Math.abs(verdict.bias).toPrecision(2)} nats less likely)`
      : '';
  return `${WORDS[quality]}${less}${better === undefined ? '' : `; ${better}`}`;
}
