import type { LoraConfig, ModelConfig } from '../models/index.ts';
import {
  createPolicy,
  fixedMemory,
  newLora,
  placeWeights,
  referenceMemory,
  requireMemory,
  type OpenedModel,
  type Policy,
  type ResidentModel,
  type RunInputs,
} from '../policy/index.ts';
import { openDevice, type Device } from '../runtime/index.ts';
import type { CommonSpecification } from '../specification/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { RecipeContext } from './context.ts';

/** A model on a device with what a specification trains of it. */
export interface Session {
  readonly device: Device;
  readonly opened: OpenedModel;
  readonly model: ResidentModel;
  readonly policy: Policy;
  readonly tokenizer: Tokenizer;
  dispose(): Promise<void>;
}

export interface SessionOptions {
  readonly context: Pick<RecipeContext, 'availableBytes'>;
  /** Another model that is loaded beside this one to compute the reference. */
  readonly reference?: ModelConfig | undefined;
  /** The reference is a copy of what is trained. */
  readonly movesReference?: boolean;
  /** Random weights instead of the files'. */
  readonly initialise?: boolean;
}

/** Puts the model on the device. Throws run-failed before that when the plan needs more memory than there is. */
export async function openSession(
  specification: CommonSpecification,
  { opened }: RunInputs,
  { context, reference, movesReference = false, initialise = false }: SessionOptions,
): Promise<Session> {
  const plan = planOf(specification, opened);
  const available = context.availableBytes?.();
  requireMemory(fixedMemory({ ...plan, movesReference }), available);
  if (reference !== undefined) requireMemory(referenceMemory(plan, reference), available);
  const { device: name, threads } = specification;
  const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
  try {
    const model = await placeWeights(device, opened, {
      precision: specification.basePrecision,
      ...(initialise ? { initialise: { seed: specification.seed } } : {}),
    });
    const policy = await createPolicy(device, { opened, model, specification });
    return { device, opened, model, policy, tokenizer: opened.tokenizer, dispose: () => device.dispose() };
  } catch (thrown) {
    await device.dispose();
    throw thrown;
  }
}

/** What a run's memory is planned by; `adapter` is the one that is trained, once it is known. */
export function planOf(specification: CommonSpecification, { config }: OpenedModel, adapter?: LoraConfig) {
  const { method, lora, optimizer, microBatchTokens, basePrecision } = specification;
  const fresh = lora && newLora(config, lora);
  // A continued adapter is small beside the weights that it changes.
  const continued = { dropout: 0, targets: [] };
  return {
    config,
    lora: method === 'full' ? undefined : (adapter ?? fresh ?? continued),
    optimizer: optimizer.name,
    microBatchTokens,
    basePrecision,
  };
}
