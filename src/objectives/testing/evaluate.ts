import { float32Tensor, type HostTensor } from '../../core/index.ts';
import { graphInputs, type Graph } from '../../graph/index.ts';
import { interpret, type Float64Tensor } from '../../interpret/index.ts';
import { objectiveGraph } from '../objective-graph.ts';
import { resolveObjective, type ObjectiveRequest, type ResolvedObjective } from '../resolve.ts';
import type { Statistics } from './rows.ts';

/** Numbers by output name, flat. */
export type Outputs = Readonly<Record<string, Float64Array>>;

function shapeOf(values: Statistics[string]): number[] {
  const [first] = values;
  return typeof first === 'object' ? [values.length, first.length] : [values.length];
}

/** Float64 inputs of a graph: statistics, running values, beta and lossScale. */
export function float64Inputs(
  source: Graph,
  { statistics, scalars }: { readonly statistics: Statistics; readonly scalars: Readonly<Record<string, number>> },
): Record<string, Float64Tensor> {
  return Object.fromEntries(
    graphInputs(source).map(({ attributes: { name } }) => {
      const values = statistics[name];
      if (values === undefined && scalars[name] === undefined) throw new Error(`the test gives no input ${name}`);
      const shape = values === undefined ? [] : shapeOf(values);
      const data = Float64Array.from(values === undefined ? [scalars[name]!] : (values.flat() as number[]));
      return [name, { dtype: 'float64', shape, data }];
    }),
  );
}

export function float32Inputs(inputs: Readonly<Record<string, Float64Tensor>>): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [name, float32Tensor(shape, Float32Array.from(data))]),
  );
}

/** lossScale 1 and the first running values. */
export function scalarsOf(objective: ResolvedObjective): Record<string, number> {
  const state = Object.entries(objective.state).map(([name, value]) => [`state/${name}`, value] as const);
  const betas = objective.terms.map(({ options }) => options['beta']).filter((beta) => typeof beta === 'number');
  return { lossScale: 1, beta: betas[0] ?? 0, ...Object.fromEntries(state) };
}

/** Losses, gradients of their sum, and running values, in float64; beta is an input, so that it has all its digits. */
export function evaluate(
  request: ObjectiveRequest,
  statistics: Statistics,
  scalars: Readonly<Record<string, number>> = {},
): Outputs {
  const objective = resolveObjective(request);
  const source = objectiveGraph(objective, { betaInput: true });
  const inputs = float64Inputs(source, { statistics, scalars: { ...scalarsOf(objective), ...scalars } });
  return Object.fromEntries(Object.entries(interpret(source, inputs)).map(([name, { data }]) => [name, data]));
}

export function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

/** The rows of statistics in another order, or some of them. */
export function pickRows(statistics: Statistics, rows: readonly number[]): Statistics {
  return Object.fromEntries(
    Object.entries(statistics).map(([name, values]) => [name, rows.map((i) => values[i]!)]),
  ) as Statistics;
}
