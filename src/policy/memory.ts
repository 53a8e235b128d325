import { elementCount, runFailed } from '../core/index.ts';
import {
  baseBytes,
  HEAD_NAME,
  loraAnchorSpecs,
  loraParameterSpecs,
  moduleShape,
  parameterSpecs,
  projectionOf,
  type BasePrecision,
  type LoraConfig,
  type ModelConfig,
} from '../models/index.ts';
import { OPTIMIZERS, type OptimizerName } from '../optim/index.ts';

/** Parts of a plan in bytes, by what they are, largest first when printed. */
export type MemoryParts = Readonly<Record<string, number>>;

export interface MemoryPlan {
  readonly config: ModelConfig;
  /** Undefined when every weight is trained. */
  readonly lora: LoraConfig | undefined;
  readonly optimizer: OptimizerName;
  readonly microBatchTokens: number;
  /** In what the projections of a frozen base are kept. Default float32. */
  readonly basePrecision?: BasePrecision;
  /** Whether the reference is a copy of what is trained. Default false. */
  readonly movesReference?: boolean;
}

const FLOAT_BYTES = 4;
/** Scores of the vocabulary are formed for this many bytes of tokens at a time. */
const SCORE_CHUNK_BYTES = 40 * 2 ** 20;
/** The runtime's libraries, its own copies of graphs, and our code. */
const PROCESS_BYTES = 150 * 2 ** 20;

function bytesOf(specs: readonly { readonly shape: readonly number[] }[]): number {
  return specs.reduce((sum, { shape }) => sum + FLOAT_BYTES * elementCount(shape), 0);
}

/**
 * What training holds whatever the batch: weights, adapter, gradients, optimizer state, one chunk of vocabulary scores, and the
 * process itself. Values kept between forward and backward pass come on top; the compiled graph says how many.
 */
export function fixedMemory(plan: MemoryPlan): MemoryParts {
  const { config, lora, optimizer, microBatchTokens, basePrecision = 'float32' } = plan;
  const specs = parameterSpecs(config);
  const trained = bytesOf(lora === undefined ? specs : loraParameterSpecs(config, lora));
  return {
    weights: baseBytes(config, basePrecision),
    ...(lora === undefined ? {} : { adapter: trained + bytesOf(loraAnchorSpecs(config, lora)) }),
    ...(plan.movesReference === true ? { 'reference copy': trained } : {}),
    gradients: trained,
    'optimizer state': trained * OPTIMIZERS[optimizer].stateNames.length,
    // Scores and their gradient.
    'vocabulary scores': 2 * scoreBytes(config, microBatchTokens),
    'the runtime': PROCESS_BYTES,
  };
}

function scoreBytes({ vocabularySize }: ModelConfig, microBatchTokens: number): number {
  return Math.min(SCORE_CHUNK_BYTES, FLOAT_BYTES * microBatchTokens * vocabularySize);
}

/**
 * What computing the log-probabilities of another model holds while the policy stands beside it, before there are gradients: the weights
 * of both, the adapter, one chunk of vocabulary scores, and the process itself.
 */
export function referenceMemory(plan: MemoryPlan, reference: ModelConfig): MemoryParts {
  const { config, lora, microBatchTokens, basePrecision = 'float32' } = plan;
  return {
    weights: baseBytes(config, basePrecision),
    ...(lora === undefined
      ? {}
      : { adapter: bytesOf([...loraParameterSpecs(config, lora), ...loraAnchorSpecs(config, lora)]) }),
    'reference weights': bytesOf(parameterSpecs(reference)),
    'vocabulary scores': scoreBytes(reference, microBatchTokens),
    'the runtime': PROCESS_BYTES,
  };
}

/** What a model that is asked, and not trained, holds. */
export interface UsePlan {
  readonly config: ModelConfig;
  readonly adapters: readonly LoraConfig[];
  readonly precision: BasePrecision;
  /** Scores given answers, draws answers, or both. */
  readonly purpose: 'scoring' | 'decoding' | 'both';
  /** Whether a single adapter is put into the matrices that it adapts, of which a second copy is made so. */
  readonly foldsAdapter: boolean;
  /** Tokens scored at a time. */
  readonly microBatchTokens: number;
  /** Another model beside it, in float32. */
  readonly reference?: { readonly config: ModelConfig; readonly adapters: readonly LoraConfig[] } | undefined;
}

/**
 * What a model holds that is asked and not trained: weights, adapters, vocabulary scores, and the process itself. The cache of keys and values, which
 * grows with the answers, comes on top.
 */
export function useMemory(plan: UsePlan): MemoryParts {
  const { config, adapters, precision, purpose, foldsAdapter, microBatchTokens, reference } = plan;
  const [kept, dense] = [purpose === 'decoding' ? 'decoding' : 'training', 'float32'] as const;
  const compact = precision === dense ? 0 : compactBytes(config, precision);
  return {
    weights: baseBytes(config, precision, kept),
    adapters: adapterBytes(config, adapters),
    ...(foldsAdapter && { 'matrices with the adapter inside': foldedBytes(config, adapters) }),
    // The session of a step has a copy that is arranged for its operators.
    ...(kept === 'decoding' && { 'arranged matrices': compact }),
    ...(reference && {
      'reference weights': baseBytes(reference.config, dense) + adapterBytes(reference.config, reference.adapters),
    }),
    ...(purpose !== 'decoding' && { 'vocabulary scores': scoreBytes(config, microBatchTokens) }),
    'the runtime': PROCESS_BYTES,
  };
}

function adapterBytes(config: ModelConfig, adapters: readonly LoraConfig[]): number {
  return adapters.reduce(
    (sum, lora) => sum + bytesOf([...loraParameterSpecs(config, lora), ...loraAnchorSpecs(config, lora)]),
    0,
  );
}

function foldedBytes(config: ModelConfig, adapters: readonly LoraConfig[]): number {
  return bytesOf(adapters.flatMap(({ targets }) => targets.map(({ path }) => ({ shape: moduleShape(config, path) }))));
}

/** Bytes of the matrices that a precision keeps compactly, the head's copy among them. */
function compactBytes(config: ModelConfig, precision: BasePrecision): number {
  const others = parameterSpecs(config).filter((spec) => projectionOf(spec) === undefined && spec.name !== HEAD_NAME);
  return baseBytes(config, precision, 'decoding') - bytesOf(others);
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MB`;
}

const ADVICE =
  'lower --micro-batch-tokens or --max-length, train an adapter instead of every weight, take a smaller model, or close other programs';

/** Throws run-failed, before anything starts, when the plan needs more than the bytes that are `available`. */
export function requireMemory(parts: MemoryParts, available: number, advice = ADVICE): void {
  requireRoom('the run', parts, { available, advice });
}

/** requireMemory for a model that is asked. */
export function requireUseMemory(plan: UsePlan, available: number): void {
  const { precision, purpose } = plan;
  const compact = purpose === 'decoding' && precision === 'float32';
  const advice = [
    ...(compact ? ['keep the matrices in fewer bytes with --base-precision int8 or int4'] : []),
    'take a smaller model',
    'close other programs',
  ];
  const text = `${advice.slice(0, -1).join(', ')} or ${advice.at(-1)}`;
  requireRoom('the model', useMemory(plan), { available, advice: text });
}

function requireRoom(
  what: string,
  parts: MemoryParts,
  { available, advice }: { readonly available: number; readonly advice: string },
): void {
  const needed = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  if (needed <= available) return;
  const list = Object.entries(parts)
    .filter(([, bytes]) => bytes > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${megabytes(bytes)}`)
    .join(', ');
  throw runFailed(
    `memory: ${what} needs about ${megabytes(needed)} (${list}), got ${megabytes(available)} free; ${advice}`,
  );
}
