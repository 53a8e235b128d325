import { expect, it } from 'vitest';
import { float32Tensor, type HostTensor } from '../../core/index.ts';
import { resolveObjective } from '../../objectives/index.ts';
import { rowsOfWidth } from './preference-rows.ts';

const pair = (...values: number[]): HostTensor => float32Tensor([1, 2], values);

/** A pair whose shorter answer has 2 tokens: the chosen one has 2 more, beyond which its log-probabilities are -4 (policy) and -6 (reference). */
function metricsUnder(compat: 'trl-0.28' | 'trl-1' | 'original') {
  const measure = rowsOfWidth(resolveObjective({ objective: 'ld_dpo', options: { ldAlpha: 0.25 }, compat }), 2).measure(
    0.5,
  );
  const inputs = { referenceLogps: pair(-9, -4), sharedReferenceLogps: pair(-3, -4) };
  const batch = { inputs, counts: [4, 2] } as unknown as Parameters<typeof measure.add>[0];
  const flat = pair(0, 0);
  measure.add(batch, {
    losses: float32Tensor([1], [1]),
    logps: pair(-6, -5),
    sharedLogps: pair(-2, -5),
    entropies: flat,
    meanLogits: flat,
  });
  const {
    'rewards/chosen': chosen,
    'rewards/rejected': rejected,
    'rewards/margins': margin,
    'logps/chosen': logps,
  } = measure.result();
  return [chosen, rejected, margin, logps];
}

it('rewards of LD-DPO are of the log-probabilities that the loss sees; logps/* are so under the modes of TRL', () => {
  // 0.5 of 1.5 and of -5 + 4. Policy -2 - 0.25 * 4 = -3; reference -3 - 0.25 * 6 = -4.5, or whole where the policy alone is weighed.
  expect(metricsUnder('original')).toEqual([0.75, -0.5, 1.25, -6]);
  expect(metricsUnder('trl-1')).toEqual([0.75, -0.5, 1.25, -3]);
  expect(metricsUnder('trl-0.28')).toEqual([3, -0.5, 3.5, -3]);
});
