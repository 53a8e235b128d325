import { internal, type HostTensor } from '../core/index.ts';
import { graph, graphInputs, type Graph } from '../graph/index.ts';
import { optimise, type DimHints, type RecomputeLevel } from '../passes/index.ts';
import type { Device, DeviceTensor, Program } from '../runtime/index.ts';

export type Values = Readonly<Record<string, HostTensor | DeviceTensor>>;

export interface BatchGraphs {
  /** Forward pass alone, without dropout. */
  readonly evaluate: Graph;
  /** With accumulated/<p> outputs; inputs of the graphs that have one name are one input. */
  readonly train?: Graph;
  /** The forward pass of training, where it differs from evaluation (dropout) and must be had apart. */
  readonly statistics?: Graph;
}

export interface BatchProgramOptions {
  readonly label: string;
  readonly hints: DimHints;
  /** Tensors that stay as they are between two calls of refresh: weights, adapters. Their names are the invariant inputs. */
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  /** Gradients, written in place by accumulated/<p>. */
  readonly gradients?: ReadonlyMap<string, DeviceTensor>;
  /** Bytes that values kept for the backward pass may take; default: no limit. */
  readonly keepBudgetBytes?: number;
  /** Records operator times of the training program. */
  readonly profile?: boolean;
}

/**
 * Graphs run for every micro-batch, with what depends on weights alone computed once and shared between training and
 * evaluation: `refresh` after the weights change, then `train` and `evaluate` with the batch's own inputs.
 */
export interface BatchProgram {
  readonly level: RecomputeLevel;
  readonly keptBytes: number;
  refresh(): Promise<void>;
  /** Forward and backward: adds to the gradients, returns the forward outputs. */
  train(inputs: Values): Promise<Record<string, HostTensor>>;
  evaluate(inputs: Values): Promise<Record<string, HostTensor>>;
  /** The forward pass that `train` makes: `evaluate` where there is no dropout. */
  statistics(inputs: Values): Promise<Record<string, HostTensor>>;
  /** The trace of the training program, when compiled with `profile`: see Program.endProfile. */
  endProfile(): Promise<string>;
  dispose(): Promise<void>;
}

const EVALUATE = 'evaluate/';
const STATISTICS = 'statistics/';
const ACCUMULATED = 'accumulated/';

function withPrefix(outputs: Graph['outputs'], prefix: string): Graph['outputs'] {
  return Object.fromEntries(Object.entries(outputs).map(([name, node]) => [`${prefix}${name}`, node]));
}

function pickOutputs({ outputs }: Graph, wanted: (name: string) => boolean, rename: (name: string) => string): Graph {
  return graph(
    Object.fromEntries(
      Object.entries(outputs)
        .filter(([name]) => wanted(name))
        .map(([name, node]) => [rename(name), node]),
    ),
  );
}

function inputNames(source: Graph): Set<string> {
  return new Set(graphInputs(source).map((node) => node.attributes.name));
}

function pick<T>(names: ReadonlySet<string>, from: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...from].filter(([name]) => names.has(name)));
}

/** One of the two graphs, compiled: its own inputs picked out of everything on the device and of the batch. */
async function compileBody(
  device: Device,
  body: Graph,
  { label, resident, gradients, profile = false }: BatchProgramOptions,
) {
  const names = inputNames(body);
  const accumulated = Object.keys(body.outputs).filter((name) => name.startsWith(ACCUMULATED));
  const program = await device.compile(body, {
    label,
    keep: accumulated,
    profile,
    inPlace: Object.fromEntries(accumulated.map((name) => [name, name.replace(ACCUMULATED, 'gradient/')])),
  });
  const fixed = { ...pick(names, resident), ...pick(names, gradients ?? []) };
  const run = async (hoisted: Values, inputs: Values): Promise<Record<string, HostTensor>> => {
    const given = { ...pick(names, Object.entries(hoisted)), ...pick(names, Object.entries(inputs)) };
    const outputs = Object.entries(await program.run({ ...fixed, ...given }));
    return Object.fromEntries(outputs.filter(([name]) => !name.startsWith(ACCUMULATED))) as Record<string, HostTensor>;
  };
  return { run, dispose: () => program.dispose(), endProfile: () => program.endProfile() };
}

async function compileOnce(
  device: Device,
  once: Graph,
  { label, resident }: BatchProgramOptions,
): Promise<Program | undefined> {
  const outputs = Object.keys(once.outputs);
  const missing = [...inputNames(once)].filter((name) => !resident.has(name));
  if (missing.length > 0) throw internal(`hoisted values read ${missing.join(', ')}`);
  return outputs.length === 0 ? undefined : device.compile(once, { label: `${label}, once a step`, keep: outputs });
}

/** Typical sizes of a micro-batch, for choosing between equal expressions and for the memory estimate. */
export function hintsFor(microBatchTokens: number, meanLength: number): DimHints {
  const rows = Math.max(1, Math.round(microBatchTokens / Math.max(1, meanLength)));
  const scored = Math.ceil(microBatchTokens * 0.6);
  return { T: microBatchTokens, U: scored, C: scored, R: rows };
}

/** Optimises and compiles a batch's graphs together. */
export async function compileBatchProgram(
  device: Device,
  graphs: BatchGraphs,
  options: BatchProgramOptions,
): Promise<BatchProgram> {
  const { label, hints, resident, keepBudgetBytes = Infinity } = options;
  const forwardOutputs = Object.keys(graphs.train?.outputs ?? {}).filter((name) => !name.startsWith(ACCUMULATED));
  const joined = graph({
    ...graphs.train?.outputs,
    ...withPrefix(graphs.evaluate.outputs, EVALUATE),
    ...withPrefix(graphs.statistics?.outputs ?? {}, STATISTICS),
  });
  const { once, body, level, keptBytes } = optimise(joined, {
    hints,
    isInvariant: (name) => resident.has(name),
    ...(graphs.train === undefined ? {} : { recompute: { forwardOutputs, budgetBytes: keepBudgetBytes } }),
  });
  const prelude = await compileOnce(device, once, options);
  const forwardBody = (prefix: string, purpose: string) =>
    compileBody(
      device,
      pickOutputs(
        body,
        (name) => name.startsWith(prefix),
        (name) => name.slice(prefix.length),
      ),
      { ...options, label: `${label}, ${purpose}`, profile: false },
    );
  // Made when it is first run: a run without held-out rows never evaluates.
  let evaluating: ReturnType<typeof forwardBody> | undefined;
  const evaluate: BatchProgram['evaluate'] = async (inputs) =>
    (await (evaluating ??= forwardBody(EVALUATE, 'evaluation'))).run(hoisted, inputs);
  const statistics = graphs.statistics && (await forwardBody(STATISTICS, 'statistics'));
  const train =
    graphs.train &&
    (await compileBody(
      device,
      pickOutputs(
        body,
        (name) => !name.startsWith(EVALUATE) && !name.startsWith(STATISTICS),
        (name) => name,
      ),
      options,
    ));
  const onceInputs = pick(inputNames(once), resident);
  let hoisted: Record<string, DeviceTensor> = {};
  return {
    level,
    keptBytes,
    refresh: async () => {
      if (prelude === undefined) return;
      for (const tensor of Object.values(hoisted)) await tensor.dispose();
      hoisted = {};
      hoisted = (await prelude.run(onceInputs)) as Record<string, DeviceTensor>;
    },
    train: (inputs) => train!.run(hoisted, inputs),
    evaluate,
    statistics: (inputs) => (statistics === undefined ? evaluate(inputs) : statistics.run(hoisted, inputs)),
    endProfile: () => train!.endProfile(),
    dispose: async () => {
      for (const tensor of Object.values(hoisted)) await tensor.dispose();
      for (const program of [prelude, await evaluating, statistics, train]) await program?.dispose();
    },
  };
}
