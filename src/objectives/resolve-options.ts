import type { Problem } from '../core/index.ts';
import { compatibleValue, type CompatibilityMode } from './compatibility.ts';
import type { Loss, LossOption, LossOptions, LossOptionSpecs, NumberOption } from './definition.ts';
import type { LossName } from './registry.ts';

/** The options of a loss under a compatibility mode, and the values of those that the mode does not have. */
export interface OptionsUnder {
  readonly specs: LossOptionSpecs;
  readonly fixed: LossOptions;
}

/** The default of an option: the mode's where it has one, TRL's in TRL's modes, else the option's own. */
function defaultUnder(spec: LossOption, value: ReturnType<typeof compatibleValue>, mode: CompatibilityMode) {
  if (typeof value === 'object') return value.default;
  return mode === 'original' ? spec.default : (spec.trlDefault ?? spec.default);
}

export function optionsUnder({ name, options }: Loss, mode: CompatibilityMode | undefined): OptionsUnder {
  if (mode === undefined) return { specs: options, fixed: {} };
  const entries = Object.entries(options).map(
    ([option, spec]) => [option, spec, compatibleValue(name as LossName, option, mode)] as const,
  );
  const kept = entries.filter(([, , value]) => value !== 'refused');
  return {
    specs: Object.fromEntries(
      kept.map(([option, spec, value]) => [
        option,
        { ...spec, default: defaultUnder(spec, value, mode) } as LossOption,
      ]),
    ),
    fixed: Object.fromEntries(
      entries.filter(([, , value]) => value === 'refused').map(([option, spec]) => [option, spec.default]),
    ),
  };
}

/** Whether a mode has anything to say of a loss. */
export function isCompatibilityTopic({ name, options }: Loss, mode: CompatibilityMode): boolean {
  return Object.entries(options).some(
    ([option, spec]) =>
      compatibleValue(name as LossName, option, mode) !== undefined ||
      (mode !== 'original' && spec.trlDefault !== undefined),
  );
}

function fits(value: unknown, spec: LossOption): boolean {
  if ('choices' in spec) return typeof value === 'string' && spec.choices.includes(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum, exclusiveMaximum } = spec;
  const isAbove = exclusiveMinimum === true ? value > minimum : value >= minimum;
  return isAbove && (exclusiveMaximum === true ? value < maximum : value <= maximum);
}

/** `a number above 0 and at most 1`, `one of mean, sum` */
export function rangeText(spec: LossOption): string {
  if ('choices' in spec) return `one of ${spec.choices.join(', ')}`;
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: NumberOption = spec;
  const bounds = [
    ...(minimum === undefined ? [] : [`${exclusiveMinimum === true ? 'above' : 'at least'} ${minimum}`]),
    ...(maximum === undefined ? [] : [`${exclusiveMaximum === true ? 'below' : 'at most'} ${maximum}`]),
  ];
  return bounds.length === 0 ? 'a finite number' : `a number ${bounds.join(' and ')}`;
}

/** `beta: has no effect with objective hinge, which takes beta; remove it` */
export function idleOption(path: string, subject: string, taken: readonly string[]): Problem {
  return {
    path,
    message: `${path}: has no effect with ${subject}, which takes ${taken.join(', ') || 'no options'}; remove it`,
  };
}

/** Values of all options, defaults filled in; a problem for each value out of range. Options that `specs` lacks are left out. */
export function fillOptions(
  specs: LossOptionSpecs,
  given: Readonly<Record<string, unknown>>,
  problems: Problem[],
): LossOptions {
  return Object.fromEntries(
    Object.entries(specs).map(([path, spec]) => {
      const value = given[path] === undefined ? spec.default : given[path];
      if (!fits(value, spec)) {
        const printed = typeof value === 'number' ? String(value) : JSON.stringify(value);
        problems.push({ path, message: `${path}: must be ${rangeText(spec)}, got ${printed}` });
      }
      return [path, value as number | string];
    }),
  );
}

/** What an option lacks to have an effect among these values; undefined where it has one. */
export function lackOf(spec: LossOption, values: LossOptions): string | undefined {
  return spec.effective === undefined || spec.effective.when(values) ? undefined : spec.effective.needs;
}
