import { badInput, type Problem } from '../core/index.ts';
import type { Objective, ObjectiveOptions, OptionSpec } from './objective.ts';
import { sigmoid } from './sigmoid.ts';

/** Every objective, by the name that `preftune dpo --objective` takes. */
export const OBJECTIVES = { sigmoid } as const satisfies Record<string, Objective>;

export type ObjectiveName = keyof typeof OBJECTIVES;

export function isObjectiveName(name: string): name is ObjectiveName {
  return Object.hasOwn(OBJECTIVES, name);
}

/** The objective of a name. Throws bad-input listing the known names. */
export function objective(name: string): Objective {
  if (isObjectiveName(name)) return OBJECTIVES[name];
  throw badInput({
    path: 'objective',
    message: `objective: must be one of ${Object.keys(OBJECTIVES).join(', ')}, got "${name}"`,
  });
}

/**
 * The options of an objective with its defaults filled in. Throws bad-input with every problem: an option that the objective
 * does not have (so that none is silently without effect), a value out of range.
 */
export function resolveObjectiveOptions(
  { name, options }: Objective,
  given: Readonly<Record<string, unknown>>,
): ObjectiveOptions {
  const problems: Problem[] = [];
  for (const path of Object.keys(given)) {
    if (!Object.hasOwn(options, path)) {
      problems.push({
        path,
        message: `${path}: has no effect with objective ${name}, which takes ${Object.keys(options).join(', ') || 'no options'}; remove it`,
      });
    }
  }
  const resolved = Object.entries(options).map(([path, spec]) => {
    const value = given[path] === undefined ? spec.default : given[path];
    if (!fits(value, spec)) {
      const printed = typeof value === 'number' ? String(value) : JSON.stringify(value);
      problems.push({ path, message: `${path}: must be ${rangeText(spec)}, got ${printed}` });
    }
    return [path, value as number] as const;
  });
  if (problems.length > 0) throw badInput(problems);
  return Object.fromEntries(resolved);
}

function fits(value: unknown, { minimum = -Infinity, exclusiveMinimum, maximum = Infinity }: OptionSpec): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value) || value > maximum) return false;
  return exclusiveMinimum === true ? value > minimum : value >= minimum;
}

/** `a number above 0 and at most 1` */
function rangeText({ minimum, exclusiveMinimum, maximum }: OptionSpec): string {
  const bounds = [
    ...(minimum === undefined ? [] : [`${exclusiveMinimum === true ? 'above' : 'at least'} ${minimum}`]),
    ...(maximum === undefined ? [] : [`at most ${maximum}`]),
  ];
  return bounds.length === 0 ? 'a finite number' : `a number ${bounds.join(' and ')}`;
}
