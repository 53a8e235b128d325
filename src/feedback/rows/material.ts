import { createHash } from 'node:crypto';
import { canonicalJson } from '../../core/index.ts';
import { promptKey, type Content } from '../../data/index.ts';
import { sql } from '../../database/index.ts';
import { contentKey } from '../../judge/index.ts';
import type { Inference, Ledger, LedgerRoom } from '../../ledger/index.ts';
import { isTakenBack, type AnswerReference } from '../signals/signal.ts';
import { parseSignals, type SignalRecord } from '../signals/signal-records.ts';
import { answerOf, askedOf } from './conversation.ts';
import { WEAK_KINDS, type FeedbackDropReason, type FullRowOptions, type Tally, type WeakKind } from './row-options.ts';

/** An answer that something was said of. */
export interface SaidAnswer {
  readonly inferenceId: string;
  readonly prompt: Content;
  /** Prompt and tools, as equal ones share it. */
  readonly promptId: string;
  readonly promptHash: string;
  readonly tools: readonly unknown[] | undefined;
  readonly content: Content;
  readonly contentId: string;
  readonly versionId: string;
  readonly model: string;
  /** Whose prompt it is. */
  readonly userHash: string | undefined;
  readonly episodeId: string | undefined;
}

/** A signal with the answers that it is about. */
export interface Said {
  readonly signal: SignalRecord;
  readonly answer: SaidAnswer;
  readonly other: SaidAnswer | undefined;
}

/**
 * The hash by which a prompt is known where its text is not: SHA-256 of what makes two prompts the same. The same question with another system prompt, or as a bare text, is the
 * same: a measured question must not be trained on in another dress.
 */
export function promptHash(prompt: Content): string {
  const turns =
    typeof prompt === 'string' ? prompt : prompt.filter(({ role }) => role !== 'system' && role !== 'developer');
  const isQuestion = typeof turns !== 'string' && turns.length === 1 && turns[0]!.role === 'user';
  return createHash('sha256')
    .update(promptKey(isQuestion ? turns[0]!.content : turns))
    .digest('hex');
}

export interface MaterialContext {
  readonly room: LedgerRoom;
  readonly inferences: Pick<Ledger['inferences'], 'get'>;
  readonly options: FullRowOptions;
  readonly dropped: Tally<FeedbackDropReason>;
}

const PAGE = 200;
const MOST_TURNS = 64;

/** Every signal that stands and from which rows may come, in the order in which they came. What is left out is counted. */
export async function readMaterial(context: MaterialContext): Promise<{
  readonly said: readonly Said[];
  readonly signals: number;
}> {
  const { room, options, dropped } = context;
  const said: Said[] = [];
  let signals = 0;
  const ages = createAges();
  const heldOut = new Set(
    (await room.database.read(sql('SELECT prompt_hash FROM held_out_prompts'))).map((row) => String(row.prompt_hash)),
  );
  const pending: Read[] = [];
  for (let behind = 0; ;) {
    const rows = await room.database.read(
      sql('SELECT * FROM signals WHERE seq > ? AND +is_current = 1 ORDER BY seq LIMIT ?', behind, PAGE),
    );
    const page = parseSignals(rows);
    const known = createReader(context);
    for (const signal of page) {
      signals++;
      const reason = uselessBecause(signal, options);
      if (reason !== undefined) {
        dropped.add(reason);
        continue;
      }
      for (const reference of await referencesOf(signal, context)) {
        const one = await saidOf(signal, reference, known);
        if (typeof one === 'string') dropped.add(one);
        else pending.push(one);
      }
    }
    if (rows.length < PAGE) break;
    behind = Number(rows.at(-1)!.seq);
  }
  for (const { inferences } of pending) for (const inference of inferences) ages.see(inference);
  for (const { one, inferences } of pending) {
    const consents =
      inferences.every(({ metadata }) => metadata?.['consent'] === 'training') ||
      one.signal.tags?.['consent'] === 'training';
    if (options.requiresConsent && !consents) dropped.add('no_consent');
    else if (heldOut.has(one.answer.promptHash)) dropped.add('held_out');
    else if (one.other !== undefined && one.other.promptId !== one.answer.promptId) dropped.add('other_prompt');
    else if (ages.of(one.answer) > options.maxAge || (one.other !== undefined && ages.of(one.other) > options.maxAge))
      dropped.add('too_old');
    else said.push(one);
  }
  return { said, signals };
}

function uselessBecause(signal: SignalRecord, { weak }: FullRowOptions): FeedbackDropReason | undefined {
  if (signal.kind === 'comment') return 'comment_only';
  if (isTakenBack(signal)) return 'taken_back';
  if ((WEAK_KINDS as readonly string[]).includes(signal.kind) && weak[signal.kind as WeakKind] === undefined)
    return 'weak_off';
  return undefined;
}

/** What it is about: an answer, or every answer of an episode. */
async function referencesOf(signal: SignalRecord, { room }: MaterialContext): Promise<readonly AnswerReference[]> {
  if (signal.answer !== undefined) return [signal.answer];
  const rows = await room.database.read(
    sql('SELECT id FROM inferences WHERE episode_id = ? ORDER BY seq LIMIT ?', signal.episodeId, MOST_TURNS),
  );
  return rows.map(({ id }) => ({ inferenceId: String(id), choice: 0 }));
}

type ReadAnswer = (
  reference: AnswerReference,
) => Promise<{ readonly answer: SaidAnswer; readonly inference: Inference } | FeedbackDropReason>;

/** Reads each inference of a page of signals once. */
function createReader({ inferences }: MaterialContext): ReadAnswer {
  const read = new Map<string, Promise<Inference | undefined>>();
  return async ({ inferenceId, choice }) => {
    const reading = read.get(inferenceId) ?? inferences.get(inferenceId);
    read.set(inferenceId, reading);
    const inference = await reading;
    if (inference === undefined) return 'answer_gone';
    if (inference.status !== 'complete') return 'not_finished';
    const asked = askedOf(inference);
    if (typeof asked === 'string') return asked;
    const content = answerOf(inference, choice);
    if (content === 'text_gone' || content === 'not_text') return content;
    const { prompt, tools } = asked;
    return {
      inference,
      answer: {
        inferenceId,
        prompt,
        promptId: `${contentKey(prompt)} ${tools === undefined ? '' : canonicalJson(tools)}`,
        promptHash: promptHash(prompt),
        tools,
        content,
        contentId: contentKey(content),
        versionId: inference.versionId,
        model: inference.requestedModel,
        userHash: inference.userHash,
        episodeId: inference.episodeId,
      },
    };
  };
}

interface Read {
  readonly one: Said;
  readonly inferences: readonly Inference[];
}

async function saidOf(
  signal: SignalRecord,
  reference: AnswerReference,
  read: ReadAnswer,
): Promise<Read | FeedbackDropReason> {
  const first = await read(reference);
  if (typeof first === 'string') return first;
  const second = signal.other === undefined ? undefined : await read(signal.other);
  if (typeof second === 'string') return second;
  return {
    one: { signal, answer: first.answer, other: second?.answer },
    inferences: second === undefined ? [first.inference] : [first.inference, second.inference],
  };
}

/** How many versions answered under a name after each of them did for the last time. */
function createAges(): { see(inference: Inference): void; of(answer: SaidAnswer): number } {
  const last = new Map<string, Map<string, number>>();
  const order = new Map<string, readonly string[]>();
  return {
    see({ requestedModel, versionId, createdAt }) {
      const versions = last.get(requestedModel) ?? new Map<string, number>();
      last.set(requestedModel, versions);
      versions.set(versionId, Math.max(createdAt, versions.get(versionId) ?? 0));
    },
    of({ model, versionId }) {
      const known =
        order.get(model) ?? [...(last.get(model) ?? [])].toSorted(([, a], [, b]) => b - a).map(([version]) => version);
      order.set(model, known);
      return Math.max(0, known.indexOf(versionId));
    },
  };
}
