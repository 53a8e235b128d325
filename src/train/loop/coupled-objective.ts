import type { HostTensor } from '../../core/index.ts';
import { graphInputs } from '../../graph/index.ts';
import { objectiveGraph, type ResolvedObjective } from '../../objectives/index.ts';
import { optimise } from '../../passes/index.ts';
import type { Device } from '../../runtime/index.ts';
import { type MicroBatch, differentiableStatistics, sourceOfInput } from '../../policy/index.ts';
import { scalarTensor } from './trainable.ts';

/** A micro-batch whose forward pass is done. */
export interface ForwardPart {
  readonly batch: MicroBatch;
  readonly outputs: Readonly<Record<string, HostTensor>>;
}

/** What the objective of the whole batch says of a micro-batch. */
export interface SolvedPart {
  /** [R] */
  readonly losses: HostTensor;
  /** `cotangent/<statistic>` [R, W], lossScale in them: inputs of preferenceCotangentGraph. */
  readonly cotangents: Readonly<Record<string, HostTensor>>;
}

export interface SolveOptions {
  readonly lossScale: number;
  readonly beta: number | undefined;
  /** Whether running values move on: in training, not in evaluation. */
  readonly isTraining: boolean;
}

/**
 * The middle part of a step whose objective couples the rows of an optimizer batch: losses and cotangents are computed from the
 * statistics of all micro-batches together, so that how the batch was cut changes nothing.
 */
export interface CoupledObjective {
  solve(parts: readonly ForwardPart[], options: SolveOptions): Promise<readonly SolvedPart[]>;
  /** Running values, as the checkpoint holds them. */
  state(): Readonly<Record<string, number>>;
  restore(state: Readonly<Record<string, number>>): void;
  dispose(): Promise<void>;
}

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

/** Compiles the objective of whole batches, whose rows have `width` answers side by side. */
export async function createCoupledObjective(
  device: Device,
  objective: ResolvedObjective,
  { betaInput, width = 2 }: { readonly betaInput: boolean; readonly width?: number },
): Promise<CoupledObjective> {
  const source = optimise(objectiveGraph(objective, { betaInput })).body;
  const program = await device.compile(source, { label: `objective ${objective.text}` });
  const names = graphInputs(source).map((node) => node.attributes.name);
  const statistics = differentiableStatistics(objective);
  let state: Readonly<Record<string, number>> = objective.state;
  const inputsOf = (parts: readonly ForwardPart[], { lossScale, beta }: SolveOptions): Record<string, HostTensor> => {
    const entries = names.map((name): [string, HostTensor] => {
      if (name === 'lossScale') return [name, scalarTensor(lossScale)];
      if (name === 'beta') return [name, scalarTensor(beta!)];
      if (name.startsWith('state/')) return [name, scalarTensor(state[name.slice('state/'.length)]!)];
      const from = sourceOfInput(objective, name);
      return [name, from === undefined ? rowsInput(parts, name) : column(parts, width, from)];
    });
    return Object.fromEntries(entries);
  };
  return {
    solve: async (parts, options) => {
      const outputs = (await program.run(inputsOf(parts, options))) as Record<string, HostTensor>;
      if (options.isTraining)
        state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`state/${name}`]!.data[0]!]));
      let start = 0;
      return parts.map(({ batch }) => {
        const count = batch.counts.length / width;
        const from = start;
        start += count;
        const losses = outputs['losses']!.data.slice(from, from + count) as Float32Array<ArrayBuffer>;
        const cotangent = (name: string): HostTensor => {
          const data = new Float32Array(width * count);
          for (const [output, { data: gradient }] of gradientsOf(outputs)) {
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
    },
    state: () => state,
    restore: (stored) => {
      state = { ...state, ...stored };
    },
    dispose: () => program.dispose(),
  };
}
