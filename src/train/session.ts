import type { LoraConfig, ModelConfig } from '../models/index.ts';
import {
  baseNameOf,
  createPolicy,
  fixedMemory,
  newLora,
  openPolicy,
  parseAdapterName,
  readNamedAdapter,
  referenceMemory,
  sourceOf,
  type OpenedModel,
  type Policy,
  type ReadAdapter,
  type ResidentModel,
  type RunInputs,
} from '../policy/index.ts';
import type { Device } from '../runtime/index.ts';
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
  readonly context: Pick<RecipeContext, 'availableBytes'> & {
    readonly listener?: Pick<RecipeContext['listener'], 'onLoad'>;
  };
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
  context.listener?.onLoad?.(`loading ${specification.model}`);
  const { device: name, threads, basePrecision: precision, seed } = specification;
  const deviation = Number(opened.files.config['initializer_range'] ?? 0.02);
  const { device, model, dispose } = await openPolicy(sourceOf({ opened, adapter: undefined }), {
    purpose: 'training',
    precision,
    device: name,
    threads,
    needs: [
      fixedMemory({ ...plan, movesReference }),
      ...(reference === undefined ? [] : [referenceMemory(plan, reference)]),
    ],
    ...(initialise && { initialise: { seed, deviation } }),
    ...(context.availableBytes && { availableBytes: context.availableBytes }),
  });
  try {
    if (specification.method !== 'full') context.listener?.onLoad?.('preparing the adapter');
    const adapter = await continuedAdapter(specification, opened);
    const policy = await createPolicy(device, {
      opened,
      model,
      specification,
      adapter,
      base: baseNameOf(specification.model, opened.files),
    });
    return { device, opened, model, policy, tokenizer: opened.tokenizer, dispose };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

/** The adapter that training begins with, where one is continued. */
async function continuedAdapter(
  { method, adapter }: CommonSpecification,
  { config, files }: OpenedModel,
): Promise<ReadAdapter | undefined> {
  if (method === 'full' || adapter === undefined) return undefined;
  return readNamedAdapter(parseAdapterName(adapter), config, files.checkpoint);
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
