import type { Loss, LossOptions } from './definition.ts';

/** A loss with its weight in the objective and all its options. */
export interface Term {
  readonly loss: Loss;
  readonly weight: number;
  readonly options: LossOptions;
  /** Whether its beta was given in brackets, so that a schedule of the objective's beta does not reach it. */
  readonly ownBeta: boolean;
}
