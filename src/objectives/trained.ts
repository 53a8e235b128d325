import { badInput, type Problem } from '../core/index.ts';
import { fill, type Node } from '../graph/index.ts';
import type { LossOptionSpecs } from './definition.ts';
import { sigmoid as sigmoidLoss } from './sigmoid.ts';
import { fillOptions, idleOption } from './resolve-options.ts';

/** The objectives that the trainer runs, as it calls them; the whole family is LOSSES, and resolveObjective makes one ready. */

/** What the trainer knows of pairs: one element for each, float32 [R]. Log-probabilities are sums over an answer, in nats. */
export interface TrainedStatistics {
  readonly chosenLogps: Node;
  readonly rejectedLogps: Node;
  readonly referenceChosenLogps: Node;
  readonly referenceRejectedLogps: Node;
}

export type ObjectiveOptions = Readonly<Record<string, number>>;

export interface Objective {
  readonly name: string;
  readonly options: LossOptionSpecs;
  /** [R]: the loss of each pair, in nats; the loss of a batch is its mean over pairs. */
  readonly loss: (pairs: TrainedStatistics, options: ObjectiveOptions) => Node;
}

const { beta } = sigmoidLoss.options;

const sigmoid: Objective = {
  name: 'sigmoid',
  options: { beta: beta! },
  loss: (pairs, options) => {
    // No lengths: this loss reads none.
    const lengths = fill(1, ['R']);
    const chosen = { logps: pairs.chosenLogps, referenceLogps: pairs.referenceChosenLogps, lengths };
    const rejected = { logps: pairs.rejectedLogps, referenceLogps: pairs.referenceRejectedLogps, lengths };
    const defaults = Object.fromEntries(
      Object.entries(sigmoidLoss.options).map(([name, spec]) => [name, spec.default]),
    );
    return sigmoidLoss.loss({ chosen, rejected }, { ...defaults, ...options }, {}) as Node;
  },
};

/** Every objective that `preftune dpo --objective` takes, by name. */
export const OBJECTIVES = { sigmoid } as const satisfies Record<string, Objective>;

export type ObjectiveName = keyof typeof OBJECTIVES;

/** The objective of a name. Throws bad-input listing the known names. */
export function objective(name: string): Objective {
  if (Object.hasOwn(OBJECTIVES, name)) return OBJECTIVES[name as ObjectiveName];
  throw badInput({
    path: 'objective',
    message: `objective: must be one of ${Object.keys(OBJECTIVES).join(', ')}, got "${name}"`,
  });
}

/** Options with defaults filled in. Throws bad-input with every problem: options that have no effect, values out of range. */
export function resolveObjectiveOptions(
  { name, options }: Objective,
  given: Readonly<Record<string, unknown>>,
): ObjectiveOptions {
  const problems: Problem[] = Object.keys(given)
    .filter((path) => !Object.hasOwn(options, path))
    .map((path) => idleOption(path, `objective ${name}`, Object.keys(options)));
  const resolved = fillOptions(options, given, problems);
  if (problems.length > 0) throw badInput(problems);
  return resolved as ObjectiveOptions;
}
