import type { Node } from '../graph/index.ts';

/** What a paired objective may use: one element for each pair, float32 [R]. Log-probabilities are sums over an answer, in nats. */
export interface PairStatistics {
  readonly chosenLogps: Node;
  readonly rejectedLogps: Node;
  readonly referenceChosenLogps: Node;
  readonly referenceRejectedLogps: Node;
}

/** Values of an objective's options, validated by its schema. */
export type ObjectiveOptions = Readonly<Record<string, number>>;

export interface OptionSpec {
  readonly default: number;
  /** Printed in help and errors. */
  readonly meaning: string;
  /** Smallest and largest allowed value; `exclusiveMinimum` leaves the minimum itself out. */
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly maximum?: number;
}

/** One loss of the family: a function of log-probabilities in graph operations. */
export interface Objective {
  /** TRL's name where TRL has it. */
  readonly name: string;
  readonly summary: string;
  readonly needsReference: boolean;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** [R]: the loss of each pair, in nats; the loss of a batch is its mean over pairs. */
  readonly loss: (pairs: PairStatistics, options: ObjectiveOptions) => Node;
}
