import type { HostTensor } from '../core/index.ts';
import { graphInputs, type Graph } from '../graph/index.ts';
import type { Decoder } from '../models/index.ts';
import { optimise } from '../passes/index.ts';
import type { Device, DeviceTensor, ProgramInputs } from '../runtime/index.ts';
import { stepGraph } from './step-graph.ts';

/** stepGraph compiled, with the weights already given. */
export interface StepProgram {
  /** Adds to the caches in place and gives `scores` [U, V]. */
  run(inputs: ProgramInputs, signal: AbortSignal | undefined): Promise<HostTensor>;
  dispose(): Promise<void>;
}

export interface StepWeights {
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  /** Compact matrices, of which the session makes its own packed copy; they must live as long as the program. */
  readonly constants?: ReadonlyMap<string, DeviceTensor>;
}

/** Typical sizes, for choosing between equal expressions: a token a row is what is run most. */
const HINTS = { T: 1, B: 1, S: 1, U: 1, C: 256 };

function namesOf(source: Graph): ReadonlySet<string> {
  return new Set(graphInputs(source).map((node) => node.attributes.name));
}

function pick(names: ReadonlySet<string>, from: ReadonlyMap<string, DeviceTensor>): Record<string, DeviceTensor> {
  return Object.fromEntries([...from].filter(([name]) => names.has(name)));
}

/**
 * Compiles a decoder's step. What depends on `resident` tensors alone, such as W + scale B A, is computed here, once; later
 * changes of those tensors do not reach it.
 */
export async function compileStep(
  device: Device,
  decoder: Decoder,
  { resident, constants = new Map() }: StepWeights,
): Promise<StepProgram> {
  const { once, body } = optimise(stepGraph(decoder), { hints: HINTS, isInvariant: (name) => resident.has(name) });
  const folded = new Map<string, DeviceTensor>();
  if (Object.keys(once.outputs).length > 0) {
    const prelude = await device.compile(once, { label: 'generate, once', keep: Object.keys(once.outputs) });
    for (const [name, tensor] of Object.entries(await prelude.run(pick(namesOf(once), resident))))
      folded.set(name, tensor as DeviceTensor);
    await prelude.dispose();
  }
  const caches = Object.keys(body.outputs).filter((name) => name !== 'scores');
  const program = await device.compile(body, {
    label: 'generate',
    constants: pick(namesOf(body), constants),
    keep: caches,
    inPlace: Object.fromEntries(caches.map((name) => [name, name])),
  });
  const fixed = { ...pick(namesOf(body), resident), ...Object.fromEntries(folded) };
  return {
    run: async (inputs, signal) => {
      const { scores } = await program.run(
        { ...fixed, ...inputs },
        { only: ['scores'], ...(signal === undefined ? {} : { signal }) },
      );
      return scores as HostTensor;
    },
    dispose: async () => {
      for (const tensor of folded.values()) await tensor.dispose();
      await program.dispose();
    },
  };
}
