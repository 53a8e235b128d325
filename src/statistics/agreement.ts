import { bootstrap, type BootstrapResult } from './bootstrap.ts';
import { cohenKappa, fleissKappa, type KappaWeights } from './kappa.ts';
import { createAlpha, type MeasurementLevel } from './krippendorff.ts';

/** How intervals of agreement are drawn. */
export interface AgreementOptions {
  readonly seed: number;
  readonly level?: number;
  readonly resamples?: number;
}

/** cohenKappa with a bootstrap interval over the items. */
export function cohenKappaInterval(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: AgreementOptions & { readonly weights?: KappaWeights },
): BootstrapResult {
  const { weights = 'none', ...rest } = options;
  // The distances of weights come from all labels, also where a resample lacks one.
  const categories = [...new Set([...Array.from(first), ...Array.from(second)])].toSorted((a, b) => a - b);
  return bootstrap(
    first.length,
    (items) => cohenKappa(taken(first, items), taken(second, items), { weights, categories }),
    rest,
  );
}

/** fleissKappa with a bootstrap interval over the items. */
export function fleissKappaInterval(counts: readonly ArrayLike<number>[], options: AgreementOptions): BootstrapResult {
  return bootstrap(counts.length, (items) => fleissKappa(Array.from(items, (item) => counts[item]!)), options);
}

/**
 * krippendorffAlpha with a bootstrap interval over the items. Items with fewer than two ratings are left out first, so that they do
 * not thin the resamples.
 */
export function krippendorffAlphaInterval(
  units: readonly ArrayLike<number>[],
  options: AgreementOptions & { readonly measurement: MeasurementLevel },
): BootstrapResult {
  const { measurement, ...rest } = options;
  const pairable = units.filter((unit) => unit.length >= 2);
  return bootstrap(pairable.length, createAlpha(pairable, measurement), rest);
}

function taken(from: ArrayLike<number>, items: Int32Array): number[] {
  return Array.from(items, (item) => from[item]!);
}
