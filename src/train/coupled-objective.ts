import type { HostTensor } from '../core/index.ts';
import { graphInputs } from '../graph/index.ts';
import { objectiveGraph } from '../objectives/index.ts';
import { optimise } from '../passes/index.ts';
import type { Device } from '../runtime/index.ts';
import type { MicroBatch } from './batches.ts';
import { differentiableStatistics, type PairObjective } from './pair-graphs.ts';
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
  /** `cotangent/<statistic>` [R, 2], lossScale in them: inputs of pairCotangentGraph. */
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

const SIDES = ['chosen', 'rejected'] as const;

/** The value of a statistic in a micro-batch [R, 2]: computed by the graph, else the host's input. */
function statisticOf({ batch, outputs }: ForwardPart, name: string): ArrayLike<number> {
  const tensor = outputs[name] ?? batch.inputs[name === 'lengths' ? 'counts' : name];
  return tensor!.data as Float32Array;
}

/** One column of a statistic over all micro-batches: [R of the batch]. */
function column(parts: readonly ForwardPart[], name: string, side: 0 | 1): HostTensor {
  const values = parts.flatMap((part) => [...every(statisticOf(part, name), side)]);
  return { dtype: 'float32', shape: [values.length], data: Float32Array.from(values) };
}

function* every(values: ArrayLike<number>, side: 0 | 1): Iterable<number> {
  for (let i = side; i < values.length; i += 2) yield values[i]!;
}

function rowsInput(parts: readonly ForwardPart[], name: string): HostTensor {
  const values = parts.flatMap(({ batch }) => [...(batch.inputs[name]!.data as Float32Array)]);
  return { dtype: 'float32', shape: [values.length], data: Float32Array.from(values) };
}

/** Compiles the objective of whole batches of pairs. */
export async function createCoupledObjective(
  device: Device,
  objective: PairObjective,
  { betaInput }: { readonly betaInput: boolean },
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
      const [prefix, statistic] = name.split('/') as [string, string | undefined];
      if (statistic === undefined) return [name, rowsInput(parts, prefix)];
      return [name, column(parts, statistic, prefix === SIDES[0] ? 0 : 1)];
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
        const count = batch.counts.length / 2;
        const from = start;
        start += count;
        const losses = outputs['losses']!.data.slice(from, from + count) as Float32Array<ArrayBuffer>;
        const cotangent = (name: string): HostTensor => {
          const data = new Float32Array(2 * count);
          for (const side of [0, 1] as const) {
            const gradient = outputs[`gradient/${SIDES[side]}/${name}`]!.data;
            for (let row = 0; row < count; row++) data[2 * row + side] = gradient[from + row]!;
          }
          return { dtype: 'float32', shape: [count, 2], data };
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
