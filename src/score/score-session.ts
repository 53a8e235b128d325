import { createHash } from 'node:crypto';
import { badInput } from '../core/index.ts';
import { createRowTokenizer, type Content, type DropReason } from '../data/index.ts';
import { plainDecoder, weightInputs, withLora } from '../models/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../runtime/index.ts';
import {
  readAdapter,
  pairMicroBatch,
  compareTokenizers,
  fixedMemory,
  referenceMemory,
  requireMemory,
  openModel,
  type OpenedModel,
  type BatchProgram,
  checkWeights,
  loadModel,
} from '../policy/index.ts';
import { compileScores } from './reference-model.ts';
import type { PairScore } from './score-summary.ts';

export interface ScoreSessionOptions {
  /** Path of the model. */
  readonly model: string;
  /** Folder of a PEFT adapter on it. */
  readonly adapter?: string | undefined;
  /** Path of another model that rewards are measured from; default with an adapter: the model without it. */
  readonly reference?: string | undefined;
  /** Tokens of prompt and answer; longer answers are cut. */
  readonly maxLength: number;
  readonly device?: 'cpu' | 'webgpu' | 'cuda';
}

/** Two answers to a prompt. */
export interface ScoredAnswers {
  readonly prompt: Content;
  readonly chosen: Content;
  readonly rejected: Content;
}

export type SessionScore =
  | { readonly kind: 'scored'; readonly score: PairScore }
  | { readonly kind: 'dropped'; readonly reason: DropReason };

/** A model, and a reference, that stay on the device to score answers as they come. */
export interface ScoreSession {
  /** Changes with every weight and with how answers are cut. */
  readonly identity: string;
  /** One at a time: calls wait for each other. */
  score(answers: ScoredAnswers): Promise<SessionScore>;
  close(): Promise<void>;
}

/**
 * Opens a model, an adapter and a reference for scoring. Throws bad-input when they cannot be opened or do not fit each other, run-failed when memory does not
 * suffice. Numbers are those of scorePairs.
 */
export async function openScoreSession(options: ScoreSessionOptions): Promise<ScoreSession> {
  const { maxLength, adapter } = options;
  const opened = await openChecked(options.model);
  let [reference, device]: [OpenedModel | undefined, Device | undefined] = [undefined, undefined];
  const close = async (): Promise<void> => {
    await device?.dispose();
    await reference?.files.close();
    await opened.files.close();
  };
  try {
    if (options.reference !== undefined) {
      reference = await openChecked(options.reference);
      compareTokenizers(opened.tokenizer, reference.tokenizer, () => {});
    }
    requireRoom(opened, reference, maxLength);
    device = await openDevice({ device: options.device ?? 'cpu' });
    const { policy, base } = await openPrograms(device, { opened, reference, adapter, maxLength });
    const tokenizer = createRowTokenizer(opened.tokenizer, { maxLength });
    let last: Promise<unknown> = Promise.resolve();
    const scoreOne = async (answers: ScoredAnswers): Promise<SessionScore> => {
      const row = tokenizer.pair({ id: '1', origin: { file: 'answers', line: 1 }, ...answers });
      if (row.kind === 'dropped') return row;
      const [pair] = row.rows;
      const { inputs } = pairMicroBatch([pair!]);
      const own = (await policy.evaluate(inputs))['logps']!.data;
      const other = base === undefined ? undefined : (await base.evaluate(inputs))['logps']!.data;
      const { id, prompt, chosen, rejected } = pair!;
      return {
        kind: 'scored',
        score: {
          id,
          tokens: { prompt: prompt.length, chosen: chosen.length, rejected: rejected.length },
          chosenLogps: own[0]!,
          rejectedLogps: own[1]!,
          ...(other === undefined ? {} : { referenceChosenLogps: other[0]!, referenceRejectedLogps: other[1]! }),
        },
      };
    };
    return {
      identity: await identityOf(opened, reference, options),
      score(answers) {
        const mine = last.then(() => scoreOne(answers));
        last = mine.catch(() => {});
        return mine;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openChecked(path: string): Promise<OpenedModel> {
  const opened = await openModel(path);
  const problems = checkWeights(opened.config, opened.files.checkpoint);
  if (problems.length === 0) return opened;
  await opened.files.close();
  throw badInput(problems.map((one) => ({ file: path, ...one })));
}

function requireRoom({ config }: OpenedModel, reference: OpenedModel | undefined, microBatchTokens: number): void {
  const plan = { config, lora: { dropout: 0, targets: [] }, optimizer: 'sgd', microBatchTokens } as const;
  const { weights, 'the runtime': runtime } = fixedMemory(plan);
  requireMemory(
    reference === undefined
      ? { weights: weights!, 'the runtime': runtime! }
      : { weights: weights!, ...referenceMemory(plan, reference.config) },
  );
}

async function openPrograms(
  device: Device,
  {
    opened,
    reference,
    adapter: path,
    maxLength,
  }: {
    readonly opened: OpenedModel;
    readonly reference: OpenedModel | undefined;
    readonly adapter: string | undefined;
    readonly maxLength: number;
  },
): Promise<{ readonly policy: BatchProgram; readonly base: BatchProgram | undefined }> {
  const { config, files } = opened;
  const microBatchTokens = 2 * maxLength;
  const { weights } = await loadModel(device, config, files.checkpoint);
  const plain = plainDecoder(config, weightInputs(config));
  const adapter = path === undefined ? undefined : await readAdapter(path, config, files.checkpoint);
  const resident = new Map<string, DeviceTensor>(weights);
  for (const [name, values] of adapter?.weights ?? []) resident.set(name, await device.upload(values));
  const decoder = adapter === undefined ? plain : withLora(plain, adapter.lora, { path: 'separate' });
  const policy = await compileScores(device, decoder, { label: 'score', resident, microBatchTokens });
  await policy.refresh();
  let base: BatchProgram | undefined;
  if (reference !== undefined) {
    const other = await loadModel(device, reference.config, reference.files.checkpoint);
    const theirs = plainDecoder(reference.config, weightInputs(reference.config));
    base = await compileScores(device, theirs, { label: 'reference', resident: other.weights, microBatchTokens });
  } else if (adapter !== undefined) {
    base = await compileScores(device, plain, { label: 'reference', resident: weights, microBatchTokens });
  }
  await base?.refresh();
  return { policy, base };
}

async function identityOf(
  opened: OpenedModel,
  reference: OpenedModel | undefined,
  { adapter, maxLength }: ScoreSessionOptions,
): Promise<string> {
  const { checkpoint } = opened.files;
  const parts = [
    await checkpoint.fingerprint(),
    opened.tokenizer.identity,
    adapter === undefined ? '' : (await readAdapter(adapter, opened.config, checkpoint)).fingerprint,
    (await reference?.files.checkpoint.fingerprint()) ?? '',
    String(maxLength),
  ];
  return createHash('sha256').update(parts.join(' ')).digest('hex');
}
