import { badInput, PreftuneError, type Problem } from '../../core/index.ts';
import { createGenerator, type Generator } from '../../generate/index.ts';
import { plainDecoder, withLora, type Decoder } from '../../models/index.ts';
import { openDevice, type Device, type DeviceName, type DeviceTensor } from '../../runtime/index.ts';
import { compareTokenizers, loadModel, openModel, readAdapter, type OpenedModel } from '../../policy/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { createTokenScorer, type TokenScorer } from '../../score/index.ts';

/** A model, and a PEFT adapter on it. Paths. */
export interface Subject {
  readonly model: string;
  readonly adapter?: string | undefined;
}

export interface OpenSubjectsOptions {
  readonly policy: Subject;
  /** Left out: the policy's model without its adapter, where it has one. */
  readonly reference?: Subject | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  readonly microBatchTokens: number;
  /** Prompts answered together. */
  readonly batchSize: number;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: (text: string) => void;
}

/** One of the two models on the device; its scorer is compiled when something is scored. */
export interface OpenedSubject {
  readonly generator: Generator;
  readonly scorer: TokenScorer;
}

export interface Subjects {
  readonly tokenizer: Tokenizer;
  /** Compiled when they are first asked for. */
  policy(): Promise<OpenedSubject>;
  /** Undefined where there is no reference. */
  readonly reference: (() => Promise<OpenedSubject>) | undefined;
  /** Whether the policy's scorer knows the reference: an adapter beside its own base. */
  readonly isShared: boolean;
  /** Puts other values into the adapter, such as a checkpoint's. Throws bad-input for tensors that are not all of the adapter's. */
  setAdapter(read: (name: string) => Promise<Float32Array<ArrayBuffer>>): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Puts a policy and its reference on one device. Throws bad-input with the problems of both: files that do not fit, an adapter for another model,
 * another vocabulary.
 */
export async function openSubjects(options: OpenSubjectsOptions): Promise<Subjects> {
  const { policy, reference, device: name = 'cpu', threads, onWarning } = options;
  const opened = await openAll([policy, ...(reference === undefined ? [] : [reference])]);
  const [own, other] = opened as [OpenedModel, OpenedModel | undefined];
  const close = async (): Promise<void> => {
    for (const { files } of opened) await files.close();
  };
  let device: Device | undefined;
  try {
    if (other !== undefined) compareTokenizers(own.tokenizer, other.tokenizer, onWarning);
    device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
    const place = createPlace(device);
    const policyModel = await place(own, policy.adapter);
    const referenceModel = other === undefined ? undefined : await place(other, reference!.adapter);
    const isShared = referenceModel === undefined && policy.adapter !== undefined;
    const ready = device;
    const base = policyModel.plain;
    const openPolicy = once(() => compile(ready, { ...policyModel, beside: isShared ? base : undefined }, options));
    const openReference = referenceModel
      ? once(() => compile(ready, referenceModel, options))
      : isShared
        ? once(() => compile(ready, { ...policyModel, adapted: undefined }, options))
        : undefined;
    return {
      tokenizer: own.tokenizer,
      policy: openPolicy,
      reference: openReference,
      isShared,
      async setAdapter(read) {
        for (const [weight, tensor] of policyModel.adapter)
          await tensor.write({ dtype: 'float32', shape: tensor.shape, data: await read(weight) });
        openPolicy.forget();
      },
      dispose: async () => {
        await ready.dispose();
        await close();
      },
    };
  } catch (thrown) {
    await device?.dispose();
    await close();
    throw thrown;
  }
}

/** Opens every model, or none: the problems of all of them at once. */
async function openAll(subjects: readonly Subject[]): Promise<OpenedModel[]> {
  const [opened, problems]: [OpenedModel[], Problem[]] = [[], []];
  for (const { model } of subjects) {
    try {
      opened.push(await openModel(model));
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError) || thrown.code !== 'bad-input') throw thrown;
      problems.push(...thrown.problems);
    }
  }
  if (problems.length === 0) return opened;
  for (const { files } of opened) await files.close();
  throw badInput(problems);
}

interface Placed {
  readonly tokenizer: Tokenizer;
  readonly plain: Decoder;
  /** With the adapter in training's way of computing, and in the generator's. */
  readonly adapted: { readonly separate: Decoder; readonly sum: Decoder } | undefined;
  readonly adapter: ReadonlyMap<string, DeviceTensor>;
  readonly resident: ReadonlyMap<string, DeviceTensor>;
}

function createPlace(device: Device) {
  return async ({ files, config, tokenizer }: OpenedModel, adapterPath: string | undefined): Promise<Placed> => {
    const read = adapterPath === undefined ? undefined : await readAdapter(adapterPath, config, files.checkpoint);
    const { weights } = await loadModel(device, config, files.checkpoint);
    const adapter = new Map<string, DeviceTensor>();
    for (const [name, tensor] of read?.weights ?? [])
      adapter.set(name, await device.upload(tensor, { transfer: true }));
    const plain = plainDecoder(config);
    const adapted = read && {
      separate: withLora(plain, read.lora, { path: 'separate' }),
      sum: withLora(plain, read.lora),
    };
    return { tokenizer, plain, adapted, adapter, resident: new Map([...weights, ...adapter]) };
  };
}

interface Compiled extends Placed {
  /** Computed in the same graph. */
  readonly beside?: Decoder | undefined;
}

async function compile(
  device: Device,
  { plain, adapted, resident, tokenizer, beside }: Compiled,
  { microBatchTokens, batchSize, signal }: Pick<OpenSubjectsOptions, 'microBatchTokens' | 'batchSize' | 'signal'>,
): Promise<OpenedSubject> {
  const decoder = adapted?.separate ?? plain;
  const options = {
    decoder,
    reference: beside,
    sharesHead: decoder.head === undefined,
    resident,
    microBatchTokens,
    signal,
  };
  let made: Promise<TokenScorer> | undefined;
  const scorer = (): Promise<TokenScorer> => (made ??= createTokenScorer(device, options));
  return {
    generator: await createGenerator(device, {
      decoder: adapted?.sum ?? plain,
      tokenizer,
      resident,
      maxRows: batchSize,
    }),
    scorer: {
      score: async (...given) => (await scorer()).score(...given),
      refresh: async () => (await scorer()).refresh(),
      dispose: async () => (await made)?.dispose(),
    },
  };
}

/** Does the work when it is first asked for; `forget` makes the next call do it again, after giving back what there was. */
function once(work: () => Promise<OpenedSubject>): (() => Promise<OpenedSubject>) & { forget(): void } {
  let made: Promise<OpenedSubject> | undefined;
  return Object.assign(() => (made ??= work()), {
    forget(): void {
      const old = made;
      made = undefined;
      void old?.then(async ({ generator, scorer }) => {
        await generator.dispose();
        await scorer.dispose();
      });
    },
  });
}
