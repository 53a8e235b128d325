import type { HostTensor } from '../../core/index.ts';
import { graphInputs } from '../../graph/index.ts';
import { objectiveGraph, type ResolvedObjective } from '../../objectives/index.ts';
import { optimise } from '../../passes/index.ts';
import type { Device } from '../../runtime/index.ts';
import { differentiableStatistics, sourceOfInput } from '../../policy/index.ts';
import type { ForwardPart, SolvedPart, SolveOptions, StepPart } from './part.ts';
import { scalarTensor } from './trainable.ts';

/** The part of a step that computes an objective of whole optimizer batches. */
export type CoupledObjective = StepPart & Required<Pick<StepPart, 'solve' | 'save' | 'restore' | 'dispose'>>;

/** The value of a statistic in a micro-batch [R, W]: computed by the graph, else the host's input. */
function statisticOf({ batch, outputs }: ForwardPart, name: string): ArrayLike<number> {
  const tensor = outputs[name] ?? batch.inputs[name === 'lengths' ? 'counts' : name];
  return tensor!.data as Float32Array;
}

/** One of `width` columns of a statistic over all micro-batches: [R of the batch]. */
function column(parts: readonly ForwardPart[], width: number, from: { statistic: string; column: number }): HostTensor {
  const values = parts.flatMap((part) => [...every(statisticOf(part, from.statistic), { width, start: from.column })]);
  return { dtype: 'float32', shape: [values.length], data: Float32Array.from(values) };
}

function* every(values: ArrayLike<number>, { width, start }: { width: number; start: number }): Iterable<number> {
  for (let i = start; i < values.length; i += width) yield values[i]!;
}

const GRADIENT = 'gradient/';

/** The gradients of a solved batch, by the names of the inputs that they belong to. */
function gradientsOf(outputs: Readonly<Record<string, HostTensor>>): [string, HostTensor][] {
  return Object.entries(outputs).flatMap(([name, tensor]) =>
    name.startsWith(GRADIENT) ? [[name.slice(GRADIENT.length), tensor] as [string, HostTensor]] : [],
  );
}

function rowsInput(parts: readonly ForwardPart[], name: string): HostTensor {
  const values = parts.flatMap(({ batch }) => [...(batch.inputs[name]!.data as Float32Array)]);
  return { dtype: 'float32', shape: [values.length], data: Float32Array.from(values) };
}

export interface CoupledOptions {
  /** beta is the input `beta`. */
  readonly betaInput: boolean;
  /** Answers side by side in a row. Default 2. */
  readonly width?: number;
}

/**
 * The middle of a step whose objective couples the rows of an optimizer batch: losses and cotangents are computed from the statistics of all
 * micro-batches together, so that how the batch was cut changes nothing. Its state are the objective's running values.
 */
export async function createCoupledObjective(
  device: Device,
  objective: ResolvedObjective,
  { betaInput, width = 2 }: CoupledOptions,
): Promise<CoupledObjective> {
  const source = optimise(objectiveGraph(objective, { betaInput })).body;
  const program = await device.compile(source, { label: `objective ${objective.text}` });
  const names = graphInputs(source).map((node) => node.attributes.name);
  let state: Readonly<Record<string, number>> = objective.state;
  const inputOf = (name: string, parts: readonly ForwardPart[], { lossScale, scalars }: SolveOptions): HostTensor => {
    if (name === 'lossScale') return scalarTensor(lossScale);
    if (scalars[name] !== undefined) return scalarTensor(scalars[name]);
    if (name.startsWith('state/')) return scalarTensor(state[name.slice('state/'.length)]!);
    const from = sourceOfInput(objective, name);
    return from === undefined ? rowsInput(parts, name) : column(parts, width, from);
  };
  return {
    name: 'objective',
    solve: async (parts, options) => {
      const inputs = Object.fromEntries(names.map((name) => [name, inputOf(name, parts, options)]));
      const outputs = (await program.run(inputs)) as Record<string, HostTensor>;
      if (options.isTraining)
        state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`state/${name}`]!.data[0]!]));
      return solvedParts(parts, outputs, { objective, width });
    },
    save: () => state,
    restore: (stored) => {
      state = { ...state, ...(stored as Readonly<Record<string, number>>) };
    },
    dispose: () => program.dispose(),
  };
}

/** Losses and cotangents of the whole batch, cut where its micro-batches were. */
function solvedParts(
  parts: readonly ForwardPart[],
  outputs: Readonly<Record<string, HostTensor>>,
  { objective, width }: { readonly objective: ResolvedObjective; readonly width: number },
): SolvedPart[] {
  const statistics = differentiableStatistics(objective);
  const gradients = gradientsOf(outputs);
  let start = 0;
  return parts.map(({ batch }) => {
    const count = batch.counts.length / width;
    const from = start;
    start += count;
    const losses = outputs['losses']!.data.slice(from, from + count) as Float32Array<ArrayBuffer>;
    const cotangent = (name: string): HostTensor => {
      const data = new Float32Array(width * count);
      for (const [output, { data: gradient }] of gradients) {
        const { statistic, column: at } = sourceOfInput(objective, output)!;
        if (statistic !== name) continue;
        for (let row = 0; row < count; row++) data[width * row + at] = gradient[from + row]!;
      }
      return { dtype: 'float32', shape: [count, width], data };
    };
    return {
      losses: { dtype: 'float32', shape: [count], data: losses },
      cotangents: Object.fromEntries(statistics.map((name) => [`cotangent/${name}`, cotangent(name)])),
    };
  });
}
