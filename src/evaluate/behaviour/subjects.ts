import { badInput, badInputProblems, type HostTensor, type Problem } from '../../core/index.ts';
import { createGenerator, type Generator } from '../../generate/index.ts';
import type { Decoder } from '../../models/index.ts';
import {
  askTexts,
  clockNote,
  adapterText,
  compareTokenizers,
  openModelAndAdapter,
  openPolicy,
  readNamedAdapter,
  sourceOf,
  trainedAsking,
  trainedTimeNote,
  type AdapterName,
  type AskedTexts,
  type Asking,
  type NamedModel,
  type OpenedPolicy,
  type ResolveModel,
} from '../../policy/index.ts';
import type { Device, DeviceName, DeviceTensor } from '../../runtime/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { createTokenScorer, type TokenScorer } from '../../score/index.ts';

/** A model by any of its names, and an adapter that is named apart; see ModelName. */
export interface Subject {
  readonly model: string;
  readonly adapter?: string | undefined;
}

export interface OpenSubjectsOptions {
  readonly policy: Subject;
  /** Left out: the policy's model without its adapter, where it has one. */
  readonly reference?: Subject | undefined;
  /** Turns a folder, .gguf file or hub id into a path on this computer. Default: it is one. */
  readonly resolve?: ResolveModel | undefined;
  /** What chat templates are told, a local time in ISO 8601. Default: now. */
  readonly templateTime?: string | undefined;
  /** How texts are given to both. Default: as the policy was trained, else through its chat template. */
  readonly ask?: Asking | undefined;
  /** A system message goes with texts, which only a chat template has a place for. */
  readonly hasSystem?: boolean | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
  readonly microBatchTokens: number;
  /** Prompts answered together. */
  readonly batchSize: number;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: (text: string) => void;
  /** What the chat template says of the time, where it prints it, and that texts are given as they stand. */
  readonly onNote?: (text: string) => void;
}

/** One of the two models on the device; its scorer is compiled when something is scored. */
export interface OpenedSubject {
  readonly generator: Generator;
  readonly scorer: TokenScorer;
}

export interface Subjects {
  readonly tokenizer: Tokenizer;
  /** How texts are given to both, as PromptOptions has it. */
  readonly isRaw: AskedTexts['isRaw'];
  /** Compiled when they are first asked for. */
  policy(): Promise<OpenedSubject>;
  /** Undefined where there is no reference. */
  readonly reference: (() => Promise<OpenedSubject>) | undefined;
  /** Whether the policy's scorer knows the reference: an adapter beside its own base. */
  readonly isShared: boolean;
  /** Puts another adapter into the place of the policy's, such as a checkpoint's. Throws bad-input for one of another shape. */
  setAdapter(adapter: AdapterName): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Puts a policy and its reference on one device. Throws bad-input with the problems of both: files that do not fit, an adapter for another model,
 * another vocabulary; run-failed before anything is loaded when both do not fit into memory.
 */
export async function openSubjects(options: OpenSubjectsOptions): Promise<Subjects> {
  const { policy, reference, onWarning } = options;
  const [own, other] = (await openAll([policy, ...(reference === undefined ? [] : [reference])], options)) as [
    NamedModel,
    NamedModel | undefined,
  ];
  let model: OpenedPolicy | undefined;
  const dispose = async (): Promise<void> => {
    await model?.dispose();
    for (const one of [own, other]) await one?.close();
  };
  try {
    const { tokenizer, config, files } = own.opened;
    const told = clockNote(tokenizer, 'prompt');
    if (told !== undefined) options.onNote?.(told);
    for (const one of [own, other]) {
      for (const note of one?.opened.notes ?? []) options.onNote?.(note);
      const trained = one && trainedTimeNote(one.name, one.opened.tokenizer);
      if (trained !== undefined) options.onNote?.(trained);
    }
    const trained = trainedAsking(own.name, own.opened);
    const { isRaw, note, warning } = askTexts(options.ask, { trained, tokenizer, hasSystem: options.hasSystem });
    if (note !== undefined) options.onNote?.(note);
    if (warning !== undefined) onWarning?.(warning);
    if (other !== undefined) compareTokenizers(tokenizer, other.opened.tokenizer, onWarning);
    const { microBatchTokens, availableBytes } = options;
    const sources = [sourceOf(own), other && sourceOf(other)] as const;
    model = await openPolicy(sources[0], {
      purpose: 'both',
      device: options.device,
      threads: options.threads,
      microBatchTokens,
      reference: sources[1],
      availableBytes,
    });
    const placed = model;
    const { device, base, adapter } = placed;
    const alone = { ...placed, decoder: base, decoding: base };
    const referenceModel = sources[1] && (await placed.place(sources[1]));
    const isShared = referenceModel === undefined && own.adapter !== undefined;
    const openPolicyOnce = once(() =>
      compile(device, { ...placed, beside: isShared ? base : undefined, tokenizer }, options),
    );
    const beside = referenceModel ?? (isShared ? alone : undefined);
    return {
      tokenizer,
      isRaw,
      policy: openPolicyOnce,
      reference: beside && once(() => compile(device, { ...beside, tokenizer }, options)),
      isShared,
      async setAdapter(name) {
        const { weights } = await readNamedAdapter(name, config, files.checkpoint);
        requireShapes(adapterText(name), weights, adapter);
        for (const [weight, tensor] of adapter) await tensor.write(weights.get(weight)!);
        openPolicyOnce.forget();
      },
      dispose,
    };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

/** Opens every model, or none: the problems of all of them at once. */
async function openAll(
  subjects: readonly Subject[],
  { resolve, templateTime }: OpenSubjectsOptions,
): Promise<NamedModel[]> {
  const [opened, problems]: [NamedModel[], Problem[]] = [[], []];
  for (const subject of subjects) {
    try {
      opened.push(await openModelAndAdapter(subject, { resolve, templateTime }));
    } catch (thrown) {
      problems.push(...badInputProblems(thrown));
    }
  }
  if (problems.length === 0) return opened;
  for (const one of opened) await one.close();
  throw badInput(problems);
}

/** The programs have the shapes of the adapter that they were compiled with. */
function requireShapes(
  file: string,
  given: ReadonlyMap<string, HostTensor>,
  wanted: ReadonlyMap<string, DeviceTensor>,
): void {
  const problems = [...wanted].flatMap(([name, { shape }]): Problem[] =>
    given.get(name)?.shape.join() === shape.join()
      ? []
      : [{ file, message: `the adapter must hold ${name} [${shape.join(', ')}] as the first one does, it does not` }],
  );
  if (problems.length > 0) throw badInput(problems);
}

interface Compiled {
  /** In training's way of computing, and in the generator's. */
  readonly decoder: Decoder;
  readonly decoding: Decoder;
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  readonly tokenizer: Tokenizer;
  /** Computed in the same graph. */
  readonly beside?: Decoder | undefined;
}

async function compile(
  device: Device,
  { decoder, decoding, resident, tokenizer, beside }: Compiled,
  { microBatchTokens, batchSize, signal }: Pick<OpenSubjectsOptions, 'microBatchTokens' | 'batchSize' | 'signal'>,
): Promise<OpenedSubject> {
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
    generator: await createGenerator(device, { decoder: decoding, tokenizer, resident, maxRows: batchSize }),
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
