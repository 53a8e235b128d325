import { add, graph, input, mul, type Graph } from '../../graph/index.ts';
import type { ParameterSpec } from '../../models/index.ts';
import type { Device, DeviceTensor } from '../../runtime/index.ts';
import type { MicroBatch, BatchProgram } from '../../policy/index.ts';
import type { Moment, StepPart } from './part.ts';

/** A reference that follows the policy: the part of a step that computes its log-probabilities and moves it. */
export interface MovingReference extends StepPart {
  /** Its own copy of the trained tensors, by the names under which checkpoints hold them. */
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
  /** The batch with the statistics of its answers under the reference as it is now. */
  complete(batch: MicroBatch): Promise<MicroBatch>;
  /** To be called after every optimizer step, counted from 1. */
  afterStep(done: Pick<Moment, 'step'>): Promise<void>;
  dispose(): Promise<void>;
}

/** What the reference is a copy of. */
export interface MovingSource {
  readonly device: Device;
  readonly parameters: readonly ParameterSpec[];
  /** The policy's tensors by name, which training changes in place. */
  readonly current: ReadonlyMap<string, DeviceTensor>;
}

export interface MovingOptions {
  /** Whether the reference moves after this step. */
  readonly isDue: (step: number) => boolean;
  /** Share of the policy in the new reference, in (0, 1]: 1 copies it. */
  readonly mix: number;
  /** Compiles what computes the reference's statistics from its tensors, which have the names of the policy's. */
  readonly compile: (copies: ReadonlyMap<string, DeviceTensor>) => Promise<BatchProgram>;
  /** Names of the batch's inputs by those of the program's outputs; what stands here not is left out. */
  readonly inputs: Readonly<Record<string, string>>;
}

const PREFIX = 'reference/';

/** mixed/<p> = (1 - mix) reference/<p> + mix <p> */
export function mixGraph(parameters: readonly ParameterSpec[], mix: number): Graph {
  return graph(
    Object.fromEntries(
      parameters.map(({ name, shape }) => [
        `mixed/${name}`,
        add(mul(input(`${PREFIX}${name}`, shape), 1 - mix), mul(input(name, shape), mix)),
      ]),
    ),
  );
}

/**
 * The reference that starts as a copy of the policy and becomes, after the steps that are due, the policy (mix 1) or
 * (1 - mix) reference + mix policy, tensor by tensor. Under an adapter these are the adapter's tensors: A and B are mixed each, not their product.
 *
 * Source: Gorbatovski et al. 2024 (TR-DPO), eq. 5 and 6, on the weights of the whole model; TRL's sync_ref_model, which refuses adapters.
 */
export async function createMovingReference(source: MovingSource, options: MovingOptions): Promise<MovingReference> {
  const { device, parameters, current } = source;
  const { isDue, mix, compile, inputs } = options;
  const copies = new Map<string, DeviceTensor>();
  for (const { name } of parameters)
    copies.set(name, await device.upload(await current.get(name)!.read(), { transfer: true, category: 'reference' }));
  const tensors = new Map([...copies].map(([name, tensor]) => [`${PREFIX}${name}`, tensor]));
  const program = await compile(copies);
  const mixing = mix === 1 ? undefined : await compileMix(device, parameters, mix);
  /** Whether what the program computes once of its weights is that of these weights. */
  let isFresh = false;
  return {
    name: 'reference',
    tensors,
    complete: async (batch) => {
      if (!isFresh) await program.refresh();
      isFresh = true;
      const outputs = await program.evaluate(batch.inputs);
      const added = Object.entries(inputs).flatMap(([name, into]) => (outputs[name] ? [[into, outputs[name]]] : []));
      return { ...batch, inputs: { ...batch.inputs, ...Object.fromEntries(added) } };
    },
    afterStep: async ({ step }) => {
      if (!isDue(step)) return;
      isFresh = false;
      if (mixing !== undefined) {
        const trained = parameters.map(({ name }) => [name, current.get(name)!] as const);
        await mixing.run(Object.fromEntries([...tensors, ...trained]));
        return;
      }
      for (const [name, copy] of copies) await copy.write(await current.get(name)!.read());
    },
    dispose: async () => {
      await program.dispose();
      await mixing?.dispose();
      for (const copy of copies.values()) await copy.dispose();
    },
  };
}

function compileMix(device: Device, parameters: readonly ParameterSpec[], mix: number) {
  const inPlace = Object.fromEntries(parameters.map(({ name }) => [`mixed/${name}`, `${PREFIX}${name}`]));
  return device.compile(mixGraph(parameters, mix), { label: 'reference update', keep: Object.keys(inPlace), inPlace });
}
