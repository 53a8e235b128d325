import { createHash } from 'node:crypto';
import { createRowTokenizer, type Content, type DropReason } from '../data/index.ts';
import type { Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import {
  compareTokenizers,
  openModelAndAdapter,
  openPolicy,
  pairMicroBatch,
  sourceOf,
  trainedAsking,
  weightsFingerprint,
  type BatchProgram,
  type NamedModel,
  type OpenedPolicy,
  type ResolveModel,
} from '../policy/index.ts';
import { compileScores } from './reference-model.ts';
import type { PairScore } from './score-summary.ts';

export interface ScoreSessionOptions {
  /** The model, by any of its names; see ModelName. */
  readonly model: string;
  /** An adapter on it. */
  readonly adapter?: string | undefined;
  /** Another model that rewards are measured from; default with an adapter: the model without it. */
  readonly reference?: string | undefined;
  readonly resolve?: ResolveModel | undefined;
  /** What chat templates are told, a local time in ISO 8601. Default: now. */
  readonly templateTime?: string | undefined;
  /** Tokens of prompt and answer; longer answers are cut. */
  readonly maxLength: number;
  readonly device?: 'cpu' | 'webgpu' | 'cuda';
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
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
  /** Changes with every weight, with how answers are cut, and with the time that the chat template prints. */
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
  const { maxLength, resolve, templateTime } = options;
  const named = await openModelAndAdapter(options, { resolve, templateTime });
  let [reference, device]: [NamedModel | undefined, Device | undefined] = [undefined, undefined];
  const close = async (): Promise<void> => {
    await device?.dispose();
    await reference?.close();
    await named.close();
  };
  try {
    const { opened } = named;
    const trained = trainedAsking(named.name, opened);
    if (options.reference !== undefined) {
      reference = await openModelAndAdapter({ model: options.reference }, { resolve, templateTime });
      compareTokenizers(opened.tokenizer, reference.opened.tokenizer, () => {});
    }
    const model = await openPolicy(sourceOf(named), {
      purpose: 'scoring',
      device: options.device,
      microBatchTokens: 2 * maxLength,
      reference: reference && sourceOf(reference),
      availableBytes: options.availableBytes,
    });
    device = model.device;
    const { policy, base } = await openPrograms(model, { named, reference, microBatchTokens: 2 * maxLength });
    const tokenizer = createRowTokenizer(opened.tokenizer, { maxLength, textRows: trained?.asked ?? 'auto' });
    let last: Promise<unknown> = Promise.resolve();
    const scoreOne = async (answers: ScoredAnswers): Promise<SessionScore> => {
      const row = tokenizer.pair({ id: '1', origin: { file: 'answers', line: 1 }, ...answers });
      if (row.kind === 'dropped') return { kind: 'dropped', reason: row.reason };
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
      identity: await identityOf(named, reference, maxLength),
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

async function openPrograms(
  model: OpenedPolicy,
  {
    named,
    reference,
    microBatchTokens,
  }: { readonly named: NamedModel; readonly reference: NamedModel | undefined; readonly microBatchTokens: number },
): Promise<{ readonly policy: BatchProgram; readonly base: BatchProgram | undefined }> {
  const compile = async (label: string, decoder: Decoder, resident: ReadonlyMap<string, DeviceTensor>) => {
    const program = await compileScores(model.device, decoder, { label, resident, microBatchTokens });
    await program.refresh();
    return program;
  };
  const policy = await compile('score', model.decoder, model.resident);
  if (reference !== undefined) {
    const { decoder, resident } = await model.place(sourceOf(reference));
    return { policy, base: await compile('reference', decoder, resident) };
  }
  const hasBase = named.adapter !== undefined;
  return { policy, base: hasBase ? await compile('reference', model.base, model.model.weights) : undefined };
}

async function identityOf(named: NamedModel, reference: NamedModel | undefined, maxLength: number): Promise<string> {
  const { opened, adapter } = named;
  const { clock } = opened.tokenizer.chatTemplate ?? {};
  const parts = [
    await opened.files.checkpoint.fingerprint(),
    opened.tokenizer.identity,
    adapter?.fingerprint ?? '',
    reference === undefined ? '' : await weightsFingerprint(reference.opened.files.checkpoint, reference.adapter),
    String(maxLength),
    // As texts stand they have other ids.
    ...(trainedAsking(named.name, opened)?.asked === 'raw' ? ['raw'] : []),
    // Rows say it; where the template prints no time the identity stays what it was.
    ...(clock === undefined ? [] : [clock.printed()]),
  ];
  return createHash('sha256').update(parts.join(' ')).digest('hex');
}
