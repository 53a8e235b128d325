import { badInput, badUsage, type HostTensor } from '../core/index.ts';
import { input } from '../graph/index.ts';
import {
  baseDecoder,
  loraNames,
  loraParameterSpecs,
  parameterSpecs,
  withLora,
  type Decoder,
  type ModelConfig,
} from '../models/index.ts';
import type { TrainedParameter } from '../optim/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { ReadAdapter } from './adapter-checkpoint.ts';
import { newAdapter, type Adapter } from './adapter-config.ts';
import { setMagnitudes, startTensors } from './adapter-start.ts';
import type { OpenedModel } from './understand-model.ts';
import { weightsFingerprint } from './weights-fingerprint.ts';
import type { ResidentModel } from './resident-model.ts';
import type { CommonSpecification, LoraSpecification } from '../specification/index.ts';

/** What is trained, and how the model is computed with it. */
export interface Policy {
  readonly parameters: readonly TrainedParameter[];
  /** The trained tensors where they start, and those of the adapter that stay as they are. */
  readonly initial: ReadonlyMap<string, DeviceTensor>;
  /** Dropout on, its seed the input dropoutSeed. */
  readonly training: Decoder;
  /** No dropout. */
  readonly evaluation: Decoder;
  /** The model before training: without the adapter, or with the adapter that is continued. */
  readonly reference: Decoder;
  /** Whether training leaves the tensors of `reference` as they are, so that it can be asked at any time. */
  readonly keepsReference: boolean;
  /** Identity of what the model starts from. */
  readonly startFingerprint: string;
  /** Undefined in full fine-tuning. */
  readonly adapter: Adapter | undefined;
}

async function uploadAll(
  device: Device,
  tensors: Iterable<readonly [string, HostTensor]>,
): Promise<Map<string, DeviceTensor>> {
  const uploaded = new Map<string, DeviceTensor>();
  for (const [name, tensor] of tensors)
    uploaded.set(name, await device.upload(tensor, { transfer: true, category: 'parameters' }));
  return uploaded;
}

/** Decides what a specification trains: a new adapter, an existing one, or every weight. Throws bad-input for what does not fit the model. */
export async function createPolicy(
  device: Device,
  {
    opened,
    model,
    specification,
    adapter: existing,
    base = specification.model,
  }: {
    readonly opened: OpenedModel;
    readonly model: ResidentModel;
    readonly specification: CommonSpecification;
    /** What the specification's adapter names, read with the model's weights. */
    readonly adapter?: ReadAdapter | undefined;
    /** How others find the model, for a new adapter's configuration. Default: as the specification names it. */
    readonly base?: Parameters<typeof newAdapter>[2];
  },
): Promise<Policy> {
  const { config } = opened;
  const plain = baseDecoder(config, model.base?.precision ?? 'float32');
  if (specification.method === 'full') {
    const parameters = parameterSpecs(config);
    return {
      parameters,
      initial: model.weights,
      training: plain,
      evaluation: plain,
      reference: plain,
      keepsReference: false,
      startFingerprint: await opened.files.checkpoint.fingerprint(),
      adapter: undefined,
    };
  }
  const { checkpoint } = opened.files;
  if (existing === undefined && specification.adapter !== undefined)
    throw badUsage(
      `policy: the adapter that is continued must be given, got none for ${specification.adapter}; read it first`,
    );
  const adapter = existing ?? newAdapter(config, specification.lora!, base);
  const evaluation = withLora(plain, adapter.lora, { path: 'separate' });
  const training =
    adapter.lora.dropout > 0
      ? withLora(plain, adapter.lora, { path: 'separate', dropoutSeed: input('dropoutSeed', [], 'int32') })
      : evaluation;
  if (adapter.lora.magnitudes === true && model.base !== undefined) {
    throw badInput(
      `--base-precision must be float32 under an adapter with magnitudes (DoRA), which reads the whole weight, got ${model.base.precision}; take LoRA or rsLoRA`,
    );
  }
  const { seed } = specification;
  const randomised = randomisedStart(specification);
  const initial = await uploadAll(
    device,
    existing?.weights ?? (await startTensors({ config, adapter, base: checkpoint, randomised, seed })),
  );
  if (existing === undefined && adapter.lora.magnitudes === true)
    await setMagnitudes(device, plain, { adapter, resident: new Map([...model.weights, ...initial]) });
  return {
    parameters: trainedParameters(config, adapter, specification.lora),
    initial,
    training,
    evaluation,
    reference: existing === undefined ? plain : evaluation,
    keepsReference: existing === undefined,
    startFingerprint: await weightsFingerprint(checkpoint, existing),
    adapter,
  };
}

/** The paper's iterations are not given; PEFT's documentation shows four. */
const PISSA_ITERATIONS = 4;

/** How a new adapter's singular vectors are found: 0 iterations stand for the exact decomposition. */
function randomisedStart({ lora, seed }: CommonSpecification): { iterations: number; seed: number } | undefined {
  const iterations = lora?.pissaIterations ?? PISSA_ITERATIONS;
  return iterations === 0 ? undefined : { iterations, seed };
}

/** The ratio that the LoRA+ paper recommends. */
const PLUS_RATIO = 16;

/** With LoRA+ everything but A learns faster, magnitudes too, as in PEFT's optimizer. */
function trainedParameters(
  config: ModelConfig,
  { lora }: Adapter,
  specification: LoraSpecification | undefined,
): TrainedParameter[] {
  const specs = loraParameterSpecs(config, lora);
  if (specification?.plus !== true) return specs;
  const rateFactor = specification.plusRatio ?? PLUS_RATIO;
  const slow = new Set(lora.targets.map(({ path }) => loraNames(path).a));
  return specs.map((spec) => (slow.has(spec.name) ? spec : { ...spec, rateFactor }));
}
