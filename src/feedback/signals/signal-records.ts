import { z } from 'zod';
import type { JsonObject } from '../../core/index.ts';
import { parseRows, sql, type SqlRow, type SqlValue } from '../../database/index.ts';
import { readPage, type LedgerRoom, type Page, type PageRequest } from '../../ledger/index.ts';
import { SIGNAL_KINDS, COMPARISON_WORDS, type SignalKind } from './signal-schema.ts';
import type { AnswerReference, Signal } from './signal.ts';
import { episodeKey } from './targets.ts';

/** A signal that is kept. Times are milliseconds since 1970. */
export interface SignalRecord extends Omit<Signal, 'user' | 'idempotencyKey'> {
  /** `fb-...` */
  readonly id: string;
  readonly createdAt: number;
  /** HMAC of who it says to be from; of whom the answer was for, where it says nothing. */
  readonly userHash?: string | undefined;
  /** HMAC of who it is from for all that the server knows; undefined: anonymous. */
  readonly personHash?: string | undefined;
  readonly keyId?: string | undefined;
  /** It came with a key that stands in a page. */
  readonly isPage: boolean;
  /** The name that the request asked for, and the version that answered. */
  readonly model: string;
  readonly versionId: string;
  /** Nothing that the person said later of the same took its place. */
  readonly isCurrent: boolean;
}

const ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  said_at: z.int().nullable(),
  kind: z.enum(SIGNAL_KINDS),
  name: z.string().nullable(),
  inference_id: z.string().nullable(),
  choice: z.int().nullable(),
  other_id: z.string().nullable(),
  other_choice: z.int().nullable(),
  episode_id: z.string().nullable(),
  value: z.number().nullable(),
  word: z.enum(COMPARISON_WORDS).nullable(),
  text: z.string().nullable(),
  detail: z.string().nullable(),
  user_hash: z.string().nullable(),
  person_hash: z.string().nullable(),
  key_id: z.string().nullable(),
  is_page: z.int(),
  model: z.string(),
  version_id: z.string(),
  is_current: z.int(),
});

export function parseSignals(rows: readonly SqlRow[]): SignalRecord[] {
  return parseRows(ROW, rows).map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    saidAt: row.said_at ?? undefined,
    kind: row.kind,
    name: row.name ?? undefined,
    answer: referenceOf(row.inference_id, row.choice),
    other: referenceOf(row.other_id, row.other_choice),
    episodeId: row.episode_id ?? undefined,
    value: row.value ?? undefined,
    word: row.word ?? undefined,
    text: row.text ?? undefined,
    ...(row.detail !== null && (JSON.parse(row.detail) as Pick<Signal, 'scale' | 'strength' | 'left' | 'tags'>)),
    userHash: row.user_hash ?? undefined,
    personHash: row.person_hash ?? undefined,
    keyId: row.key_id ?? undefined,
    isPage: row.is_page === 1,
    model: row.model,
    versionId: row.version_id,
    isCurrent: row.is_current === 1,
  }));
}

function referenceOf(inferenceId: string | null, choice: number | null): AnswerReference | undefined {
  return inferenceId === null ? undefined : { inferenceId, choice: choice ?? 0 };
}

/** What is listed; every condition that is given must hold. */
export interface SignalFilter {
  readonly kind?: SignalKind | undefined;
  readonly model?: string | undefined;
  /** As requests name it. */
  readonly user?: string | undefined;
  readonly userHash?: string | undefined;
  readonly inferenceId?: string | undefined;
  readonly episodeId?: string | undefined;
  /** Milliseconds since 1970, by the server's clock: from, and up to but without. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Leaves out what was said anew or taken back. */
  readonly isCurrent?: boolean | undefined;
}

/** A page of signals in the order in which they came. Throws bad-input for an `after` that never was one. */
export function listSignals(
  room: LedgerRoom,
  { user, userHash = user === undefined ? undefined : room.hashUser(user), ...filter }: SignalFilter,
  page: PageRequest,
): Promise<Page<SignalRecord>> {
  const where: string[] = [];
  const values: SqlValue[] = [];
  const add = (condition: string, ...given: (SqlValue | undefined)[]): void => {
    if (given.some((value) => value === undefined)) return;
    where.push(condition);
    values.push(...(given as SqlValue[]));
  };
  const episode = filter.episodeId === undefined ? undefined : episodeKey(room, filter.episodeId);
  add('signals.inference_id = ?', filter.inferenceId);
  add('signals.episode_id = ?', episode);
  add('signals.user_hash = ?', userHash);
  // One of the two has the index: the narrower filter first, the others are looked at row by row.
  const hasNarrow = where.length > 0;
  add(hasNarrow ? '+signals.model = ?' : 'signals.model = ?', filter.model);
  add(where.length > 0 ? '+signals.kind = ?' : 'signals.kind = ?', filter.kind);
  add('+signals.created_at >= ?', filter.since);
  add('+signals.created_at < ?', filter.until);
  if (filter.isCurrent !== undefined) add('+signals.is_current = ?', filter.isCurrent ? 1 : 0);
  return readPage(
    room.database,
    { table: 'signals', select: 'SELECT signals.* FROM signals', seq: 'signals.seq', where, values },
    page,
    parseSignals,
  );
}

export async function getSignal(room: LedgerRoom, id: string): Promise<SignalRecord | undefined> {
  return parseSignals(await room.database.read(sql('SELECT * FROM signals WHERE id = ?', id)))[0];
}

/** A signal as it is told over HTTP and in exports; times are seconds since 1970, absent fields null. */
export function signalObject(signal: SignalRecord): JsonObject {
  const { answer, other, tags, scale } = signal;
  return {
    id: signal.id,
    object: 'preftune.feedback',
    created_at: signal.createdAt / 1000,
    said_at: signal.saidAt === undefined ? null : signal.saidAt / 1000,
    kind: signal.kind,
    name: signal.name ?? null,
    inference_id: answer?.inferenceId ?? null,
    choice: answer?.choice ?? null,
    other: other === undefined ? null : { inference_id: other.inferenceId, choice: other.choice },
    episode_id: signal.episodeId ?? null,
    value: signal.value ?? null,
    word: signal.word ?? null,
    text: signal.text ?? null,
    scale: scale === undefined ? null : [...scale],
    strength: signal.strength ?? null,
    left: signal.left ?? null,
    tags: { ...tags },
    user_hash: signal.userHash ?? null,
    is_anonymous: signal.personHash === undefined,
    key_id: signal.keyId ?? null,
    model: signal.model,
    version: signal.versionId,
    is_current: signal.isCurrent,
  };
}
