import type { JsonObject } from '../../core/index.ts';
import {
  AUTO_SETTINGS,
  fewStepsOf,
  proposeSettings,
  settingFlags,
  totalStepsOf,
  type CommonSpecification,
  type SettingCounts,
  type Stage,
} from '../../specification/index.ts';
import type { RecipeContext } from '../context.ts';

type Told = Pick<RecipeContext, 'auto' | 'isResuming' | 'listener'>;

/** Settings for so many rows, where --auto may choose them; the specification as it is without it, and where a run goes on, which knows its own. */
export function chooseSettings<T extends CommonSpecification>(
  specification: T,
  counts: Omit<SettingCounts, 'method'>,
  { auto = [], isResuming, listener }: Told,
): T {
  if (auto.length === 0 || isResuming) return specification;
  const kept = AUTO_SETTINGS.filter((name) => !auto.includes(name));
  const proposed = proposeSettings({ ...counts, method: specification.method }, specification, kept);
  const flags = settingFlags(proposed, specification);
  listener.onNote?.(`--auto: ${flags === '' ? 'the usual settings' : flags} for ${counts.rows} rows`);
  return { ...specification, ...proposed };
}

/** Says before the first step that there will be few. */
export function tellFewSteps(
  specification: CommonSpecification,
  stages: readonly Stage[],
  {
    counts,
    context: { isResuming, listener },
  }: { readonly counts: Omit<SettingCounts, 'method'>; readonly context: Told },
): void {
  if (isResuming) return;
  const { method } = specification;
  const few = fewStepsOf({ ...counts, method }, { ...specification, steps: totalStepsOf(stages) });
  if (few !== undefined) listener.onWarning?.(few.text);
}

/** What run.json says of it: the settings that were chosen, by name. */
export function chosenOf(
  specification: CommonSpecification,
  { auto = [] }: Pick<RecipeContext, 'auto'>,
): { readonly chosen?: JsonObject } {
  if (auto.length === 0) return {};
  return { chosen: Object.fromEntries(auto.map((name) => [name, specification[name]])) };
}
