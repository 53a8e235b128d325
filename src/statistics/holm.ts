import { badInput } from '../core/index.ts';

/**
 * p-values corrected for how many they are, by Holm's steps: in ascending order p_(i) becomes max over j <= i of min(1, (m - j + 1) p_(j)). Rejecting where
 * the corrected value is below alpha keeps the chance of any false rejection below alpha, whatever the dependence. In the order given.
 *
 * Throws bad-input for values outside [0, 1]. Source: Holm (1979); statsmodels' multipletests(method='holm').
 */
export function holm(values: readonly number[]): number[] {
  const wrong = values.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw badInput(`holm: p-values must be in [0, 1], got ${wrong}`);
  const order = values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!);
  const corrected = [...values];
  let most = 0;
  for (const [place, i] of order.entries()) {
    most = Math.max(most, Math.min(1, (values.length - place) * values[i]!));
    corrected[i] = most;
  }
  return corrected;
}
