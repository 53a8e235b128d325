import { mul, add, type Node, type Operand } from '../graph/index.ts';
import type { LossKind, LossResult, StateNodes, StatisticsOf } from './definition.ts';
import type { Term } from './term.ts';
import { wpoWeights } from './scores.ts';
import type { PairStatistics } from './statistics.ts';

/** What is known only when the graph runs. */
export interface LossInputs {
  /** The beta of every term that was not given its own in brackets; without it the resolved number. */
  readonly beta?: Operand;
  /** Running values by `<loss>/<name>`, float32 scalars; needed by the objectives that have state. */
  readonly state?: StateNodes;
}

/** Losses [R], whose mean is the loss of the batch, and all running values after it. */
export type ComposedLoss<K extends LossKind> = (statistics: StatisticsOf[K], inputs?: LossInputs) => LossResult;

type AnyStatistics = StatisticsOf[LossKind];

/** The entries of `state` that belong to a term, under their own names. */
function stateOf(name: string, state: StateNodes): StateNodes {
  const prefix = `${name}/`;
  return Object.fromEntries(
    Object.entries(state)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, node]) => [key.slice(prefix.length), node]),
  );
}

function isResult(value: Node | LossResult): value is LossResult {
  return 'losses' in value;
}

function termLoss({ loss, weight, options, ownBeta }: Term, statistics: AnyStatistics, inputs: LossInputs): LossResult {
  const beta = ownBeta || options['beta'] === undefined ? {} : { beta: inputs.beta ?? options['beta'] };
  const compute = loss.loss as (...parts: unknown[]) => Node | LossResult;
  const value = compute(statistics, { ...options, ...beta }, stateOf(loss.name, inputs.state ?? {}));
  const { losses, state } = isResult(value) ? value : { losses: value, state: {} };
  const weighted =
    options['weighting'] === 'wpo'
      ? mul(losses, wpoWeights(statistics as PairStatistics, options['wpoClamp'] as 'one' | 'none'))
      : losses;
  return {
    losses: weight === 1 ? weighted : mul(weighted, weight),
    state: Object.fromEntries(Object.entries(state).map(([name, node]) => [`${loss.name}/${name}`, node])),
  };
}

/** The weighted sum of the terms, times the weights of the rows. */
export function composeLoss(terms: readonly Term[]) {
  return (statistics: AnyStatistics, inputs: LossInputs = {}): LossResult => {
    const results = terms.map((term) => termLoss(term, statistics, inputs));
    const sum = results.map(({ losses }) => losses).reduce((total, losses) => add(total, losses));
    return {
      losses: statistics.weights === undefined ? sum : mul(sum, statistics.weights),
      state: Object.assign({}, ...results.map(({ state }) => state)) as StateNodes,
    };
  };
}
