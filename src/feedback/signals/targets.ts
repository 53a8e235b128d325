import { z } from 'zod';
import { parseRows, sql } from '../../database/index.ts';
import type { LedgerRoom } from '../../ledger/index.ts';
import type { Signal } from './signal.ts';

/** An answer, or the last one of an episode, as far as a signal needs to know it. */
export interface Target {
  readonly id: string;
  readonly createdAt: number;
  readonly userHash: string | null;
  readonly model: string;
  readonly versionId: string;
  readonly isPrivate: boolean;
  /** Undefined while it is drawn. */
  readonly choices: number | undefined;
}

export interface Targets {
  readonly answers: ReadonlyMap<string, Target>;
  /** By the id as the store keeps it. */
  readonly episodes: ReadonlyMap<string, Target>;
  /** Ids that were there and were taken away. */
  readonly removed: ReadonlySet<string>;
}

const ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  user_hash: z.string().nullable(),
  requested_model: z.string(),
  version_id: z.string(),
  is_private: z.int(),
  finish_reasons: z.string().nullable(),
});
const COLUMNS = 'id, created_at, user_hash, requested_model, version_id, is_private, finish_reasons';

/** Ids that group, as the ledger keeps them: one that a mask would change became its HMAC. */
export function episodeKey({ cleanText, hashUser }: LedgerRoom, episode: string): string {
  return cleanText(episode) === episode ? episode : `hmac-${hashUser(episode)}`;
}

export async function readTargets(room: LedgerRoom, signals: readonly Signal[]): Promise<Targets> {
  const ids = padded(unique(signals.flatMap(({ answer, other }) => [answer?.inferenceId, other?.inferenceId])));
  const episodes = unique(signals.map(({ episodeId }) => episodeId && episodeKey(room, episodeId)));
  const marks = ids.map(() => '?').join(', ');
  const [found, gone, ...ends] = await room.database.readAll([
    sql(`SELECT ${COLUMNS} FROM inferences WHERE id IN (${marks})`, ...ids),
    sql(`SELECT id FROM removed WHERE kind = 'inferences' AND id IN (${marks})`, ...ids),
    ...episodes.map((episode) =>
      sql(`SELECT ${COLUMNS} FROM inferences WHERE episode_id = ? ORDER BY seq DESC LIMIT 1`, episode),
    ),
  ]);
  return {
    answers: new Map(parseRows(ROW, found!).map((row) => [row.id, targetOf(row)])),
    removed: new Set(gone!.map(({ id }) => String(id))),
    episodes: new Map(
      ends.flatMap((rows, place) => parseRows(ROW, rows).map((row) => [episodes[place]!, targetOf(row)] as const)),
    ),
  };
}

/** To a power of two, the last one repeated: statements are prepared by their text, and so there are few of them. */
function padded(ids: readonly string[]): string[] {
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, ids.length)));
  return Array.from({ length: size }, (_, place) => ids[place] ?? ids.at(-1) ?? '');
}

function unique(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}

function targetOf(row: z.output<typeof ROW>): Target {
  return {
    id: row.id,
    createdAt: row.created_at,
    userHash: row.user_hash,
    model: row.requested_model,
    versionId: row.version_id,
    isPrivate: row.is_private === 1,
    choices: row.finish_reasons === null ? undefined : (JSON.parse(row.finish_reasons) as readonly unknown[]).length,
  };
}
