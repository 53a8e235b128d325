import type { UnitNames, Choice } from '../../experiments/index.ts';

/** Asked at admission, before the name of a model is resolved: an experiment on that name may give this request another model. */
export interface ArmChooser {
  /** Undefined: what the name points to answers, and nothing more is written. */
  choose(alias: string, asker: UnitNames): Choice | undefined;
}
