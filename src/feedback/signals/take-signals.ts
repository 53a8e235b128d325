import { createHash, randomBytes } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../../core/index.ts';
import { sql, type SqlRow, type SqlStatement } from '../../database/index.ts';
import type { LedgerRoom, LogLevel } from '../../ledger/index.ts';
import type { Signal } from './signal.ts';
import { episodeKey, readTargets, type Target, type Targets } from './targets.ts';

/** Who sends signals. */
export interface SignalSender {
  readonly keyId?: string | undefined;
  /** The key stands in a page, where anybody may read it: what it says of users is only a claim. */
  readonly isPage?: boolean | undefined;
}

/** What became of a signal. */
export type Taken =
  | { readonly status: 'accepted'; readonly id: string; readonly warnings?: readonly string[] }
  /** It was there already, under this id. */
  | { readonly status: 'duplicate'; readonly id: string }
  | {
      readonly status: 'refused';
      readonly code: RefusalCode;
      /** The field that is wrong. */
      readonly field: string;
      readonly message: string;
    };

export type RefusalCode = 'not_found' | 'gone' | 'invalid_value' | 'texts_not_kept' | 'key_reused' | 'erased_user';

export interface TakeOptions {
  readonly sender?: SignalSender;
  /** Checks, and keeps nothing. */
  readonly isDry?: boolean;
}

/** Without a key, the same content of the same person on the same answer is the same signal for so long, unless another one came between. */
export const SAME_SIGNAL_MS = 10 * 60_000;
/** Clocks of clients that are further off are not believed. */
const MOST_CLOCK_MS = 5 * 60_000;

interface Prepared {
  readonly id: string;
  /** What is there already, and then the signal itself: in one transaction, so that nothing comes between. */
  readonly statements: readonly [SqlStatement, SqlStatement];
  readonly slot: string;
  readonly contentHash: string;
  readonly warnings: readonly string[];
}

/**
 * Takes signals in one commit; resolves when those that were accepted are on the disk. Each is told on its own: one that is refused stands in nobody's way. What is said
 * of an answer that nobody knows is refused at once, since an answer's row is on the disk before its id leaves.
 */
export async function takeSignals(
  room: LedgerRoom,
  log: LogLevel,
  signals: readonly Signal[],
  { sender = {}, isDry = false }: TakeOptions = {},
): Promise<readonly Taken[]> {
  const targets = await readTargets(room, signals);
  const prepared = signals.map((signal) => prepare(signal, { room, log, targets, sender }));
  const writable = prepared.filter((one): one is Prepared => 'statements' in one);
  if (isDry) return prepared.map((one) => ('statements' in one ? accepted(one) : one));
  if (writable.length === 0) return prepared as Taken[];
  const results = await room.database.write(writable.flatMap(({ statements }) => statements));
  let place = 0;
  return prepared.map((one) => {
    if (!('statements' in one)) return one;
    const [there, written] = [results![place]!, results![place + 1]!];
    place += 2;
    return written.rows.length > 0 ? accepted(one) : whyNotWritten(one, there.rows);
  });
}

function accepted({ id, warnings }: Prepared): Taken {
  return { status: 'accepted', id, ...(warnings.length > 0 && { warnings }) };
}

interface PrepareContext {
  readonly room: LedgerRoom;
  readonly log: LogLevel;
  readonly targets: Targets;
  readonly sender: SignalSender;
}

function prepare(signal: Signal, { room, log, targets, sender }: PrepareContext): Prepared | Taken {
  const found = targetsOf(signal, { room, log, targets, sender });
  if ('status' in found) return found;
  const { target, episode } = found;
  if (signal.kind === 'edit' && (log !== 'text' || target.isPrivate))
    return refused(
      'texts_not_kept',
      'value',
      target.isPrivate
        ? 'the request said store: false, so no text of its answer is kept, and no edit of it'
        : 'this server keeps no texts of answers (--log text keeps them), and so no edits of them',
    );
  const { kind, name, answer, other, value, word, text, scale, strength, left, tags, user, saidAt } = signal;
  const now = room.now();
  const userHash = user === undefined ? undefined : room.hashUser(user);
  // Whoever reads a page has its key, and could speak in anybody's name. Whom the answer was for is known from its own request.
  const person = (sender.isPage === true ? undefined : userHash) ?? target.userHash ?? undefined;
  const speaker = person ?? userHash ?? `key ${sender.keyId ?? 'local'}`;
  const detail = {
    ...(scale !== undefined && { scale }),
    ...(strength !== undefined && { strength }),
    ...(left !== undefined && { left }),
    ...(tags !== undefined && { tags: room.cleanJson({ ...tags }) }),
  };
  const cleaned = text === undefined ? undefined : room.cleanText(text);
  // Which of the two is `a` is part of what a comparison says.
  const first = kind === 'comparison' ? placesOf(signal)[0] : null;
  const content = digest([kind, name, value, word, first, cleaned, scale, strength, left]);
  // Of comments all stand; of everything else the last one of a person.
  const slot = digest([kind, name, slotPlaces(signal), episode, speaker, kind === 'comment' ? content : null]);
  const keyHash =
    signal.idempotencyKey === undefined ? undefined : digest([sender.keyId ?? 'local', signal.idempotencyKey]);
  const isBelievable =
    saidAt === undefined || (saidAt <= now + MOST_CLOCK_MS && saidAt >= target.createdAt - MOST_CLOCK_MS);
  const at = isBelievable ? saidAt : undefined;
  // In the order of time, so that what comes together lies together in the index.
  const id = `fb-${now.toString(16).padStart(12, '0').slice(-12)}${randomBytes(6).toString('hex')}`;
  const there = [
    ...(answer === undefined ? [] : [answer.inferenceId]),
    ...(other === undefined ? [] : [other.inferenceId]),
  ];
  const before = sql(
    `SELECT id, slot, content_hash, 1 AS has_key FROM signals WHERE key_hash = ?
     UNION ALL
     SELECT id, slot, content_hash, 0 AS has_key FROM signals WHERE slot = ? AND is_current = 1 AND content_hash = ? AND created_at > ?`,
    keyHash,
    slot,
    content,
    now - SAME_SIGNAL_MS,
  );
  const insertion = sql(
    `INSERT INTO signals (id, created_at, said_at, kind, name, inference_id, choice, other_id, other_choice, episode_id, value, word, text, detail,
       user_hash, person_hash, key_id, is_page, model, version_id, slot, content_hash, key_hash)
     SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
     WHERE ${there.map(() => 'EXISTS (SELECT 1 FROM inferences WHERE id = ?)').join(' AND ') || 'EXISTS (SELECT 1 FROM inferences WHERE episode_id = ?)'}
       AND NOT EXISTS (SELECT 1 FROM signals WHERE slot = ? AND is_current = 1 AND content_hash = ? AND created_at > ?)
       AND NOT EXISTS (SELECT 1 FROM signals WHERE key_hash = ?)
       AND NOT EXISTS (SELECT 1 FROM erased_users WHERE user_hash IN (?, ?) AND erased_at >= ?)
     RETURNING id`,
    id,
    now,
    at,
    kind,
    name,
    answer?.inferenceId,
    answer?.choice,
    other?.inferenceId,
    other?.choice,
    episode,
    value,
    word,
    cleaned,
    Object.keys(detail).length === 0 ? undefined : JSON.stringify(detail),
    userHash ?? person,
    person,
    sender.keyId,
    sender.isPage === true ? 1 : 0,
    target.model,
    target.versionId,
    slot,
    content,
    keyHash,
    ...(there.length === 0 ? [episode] : there),
    slot,
    content,
    now - SAME_SIGNAL_MS,
    keyHash,
    userHash,
    person,
    // What was said before an erasure and comes late stays out; what is said afterwards is new.
    Math.min(at ?? now, now),
  );
  const warnings = isBelievable ? [] : ["at: the clock is off by more than five minutes; the server's time counts"];
  return { id, statements: [before, insertion], slot, contentHash: content, warnings };
}

type Found = { readonly target: Target; readonly episode: string | undefined };

/** What a signal is about; or why that is nothing. */
function targetsOf(signal: Signal, { room, log, targets }: PrepareContext): Found | Taken {
  const { kind, answer, other, episodeId } = signal;
  if (answer === undefined) {
    const episode = episodeKey(room, episodeId!);
    const target = targets.episodes.get(episode);
    if (target !== undefined) return { target, episode };
    return refused(
      'not_found',
      'episode_id',
      `there is no answer of the episode ${shown(episodeId!)} here; requests name it in metadata.episode_id${log === 'off' ? OFF : ''}`,
    );
  }
  const [first, second] = FIELDS[kind] ?? ['inference_id', 'inference_id'];
  for (const [reference, field] of [
    [answer, first],
    [other, second],
  ] as const) {
    if (reference === undefined) continue;
    const { inferenceId, choice } = reference;
    const target = targets.answers.get(inferenceId);
    if (target === undefined && targets.removed.has(inferenceId))
      return refused('gone', field, `the answer ${shown(inferenceId)} was erased; nothing more is kept of it`);
    if (target === undefined)
      return refused(
        'not_found',
        field,
        `there is no answer ${shown(inferenceId)} here; it is the id of a response of this server, which keeps it as long as its retention says${log === 'off' ? OFF : ''}`,
      );
    if (target.choices !== undefined && choice >= Math.max(1, target.choices))
      return refused('invalid_value', 'choice', `choice: the answer has ${target.choices} choices, got ${choice}`);
  }
  return { target: targets.answers.get(answer.inferenceId)!, episode: undefined };
}

const OFF = '; this server keeps nothing of requests (--log off)';
const FIELDS: Readonly<Partial<Record<Signal['kind'], readonly [string, string]>>> = {
  comparison: ['a.inference_id', 'b.inference_id'],
  regenerate: ['inference_id', 'kept.inference_id'],
};

/** Why nothing was written: the signal is there already, or what it was about went meanwhile. */
function whyNotWritten({ slot, contentHash }: Prepared, there: readonly SqlRow[]): Taken {
  const byKey = there.find(({ has_key: hasKey }) => hasKey === 1);
  if (byKey !== undefined && (byKey.slot !== slot || byKey.content_hash !== contentHash))
    return refused(
      'key_reused',
      'idempotency_key',
      `idempotency_key: was used for other feedback (${String(byKey.id)}); take a new one for each`,
    );
  const known = byKey ?? there[0];
  if (known !== undefined) return { status: 'duplicate', id: String(known.id) };
  return refused('erased_user', 'user', 'the user or the answer was erased meanwhile; nothing more is kept of it');
}

function refused(code: RefusalCode, field: string, message: string): Taken {
  return { status: 'refused', code, field, message };
}

function shown(id: string): string {
  return JSON.stringify(id.slice(0, 100));
}

function placesOf({ answer, other }: Signal): string[] {
  return [answer, other].flatMap((one) => (one === undefined ? [] : [`${one.choice} ${one.inferenceId}`]));
}

/** Both answers in one order: b against a is the same comparison as a against b. */
function slotPlaces(signal: Signal): JsonValue {
  const places = placesOf(signal);
  return signal.kind === 'comparison' ? places.toSorted() : places.slice(0, 1);
}

function digest(parts: readonly unknown[]): string {
  const value = parts.map((part) => part ?? null) as JsonValue;
  return createHash('sha256').update(canonicalJson(value)).digest('base64url');
}
