import { messageOf } from '../core/index.ts';
import { sql, type Database } from '../database/index.ts';
import { hourly } from './hourly.ts';
import type { Ledger, Retention } from './ledger.ts';
import { TABLE_SETS } from './tables/all.ts';

const DAY_MS = 86_400_000;
/** So many rows a commit: answers that are begun meanwhile wait for one batch at most. */
const BATCH = 500;

/** What a store that says nothing keeps. */
export const DEFAULT_RETENTION: Retention = { textDays: 30, metadataDays: 365, feedbackDays: 365 };

/** A clock that went further than the time that has passed is not believed the first time. */
const MOST_JUMP_MS = DAY_MS;

export interface SweepContext {
  readonly database: Database;
  readonly retention: Retention;
  readonly now: () => number;
  /** Milliseconds that pass whatever the clock shows. */
  readonly elapsed: () => number;
}

export function createSweep({ database, retention, now, elapsed }: SweepContext): Ledger['sweep'] {
  let [seenAt, seenElapsed] = [now(), elapsed()];

  const deleteOld = async (text: string, before: number): Promise<number> => {
    let deleted = 0;
    for (;;) {
      const results = await database.write([sql(text, before, BATCH)]);
      deleted += results![0]!.changes;
      if (results![0]!.changes < BATCH) return deleted;
    }
  };

  return async () => {
    const at = now();
    const jumpMs = at - seenAt - (elapsed() - seenElapsed);
    [seenAt, seenElapsed] = [at, elapsed()];
    // What a wrong clock deletes is gone for good. Where it is right, the next sweep does it.
    if (jumpMs > MOST_JUMP_MS) return { texts: 0, inferences: 0, clockJumpMs: jumpMs };
    const { textDays, metadataDays, feedbackDays } = retention;
    let texts = 0;
    let inferences = 0;
    if (textDays !== undefined) {
      const before = at - textDays * DAY_MS;
      texts = await deleteOld(
        'DELETE FROM texts WHERE seq IN (SELECT seq FROM texts WHERE created_at < ? LIMIT ?)',
        before,
      );
      await deleteOld(
        'UPDATE inferences SET error = NULL WHERE seq IN (SELECT seq FROM inferences WHERE error IS NOT NULL AND created_at < ? LIMIT ?)',
        before,
      );
    }
    if (metadataDays !== undefined) {
      const before = at - metadataDays * DAY_MS;
      inferences = await deleteOld(
        'DELETE FROM inferences WHERE seq IN (SELECT seq FROM inferences WHERE created_at < ? LIMIT ?)',
        before,
      );
      await deleteOld(
        'DELETE FROM removed WHERE (kind, id) IN (SELECT kind, id FROM removed WHERE removed_at < ? LIMIT ?)',
        before,
      );
    }
    let others = 0;
    if (feedbackDays !== undefined) {
      const before = at - feedbackDays * DAY_MS;
      for (const text of TABLE_SETS.flatMap((tables) => tables.sweeps)) others += await deleteOld(text, before);
    }
    if (texts + inferences + others > 0) await database.checkpoint();
    return { texts, inferences };
  };
}

/** Sweeps at once and every hour until `stop`, which waits for a sweep under way. What goes wrong is told, and tried again in an hour. */
export function sweepHourly(
  { sweep }: Pick<Ledger, 'sweep'>,
  onNote: (line: string) => void,
  everyMs?: number,
): { stop(): Promise<void> } {
  return hourly(async () => {
    try {
      const { clockJumpMs } = await sweep();
      if (clockJumpMs !== undefined)
        onNote(
          `the clock went on by ${(clockJumpMs / DAY_MS).toFixed(1)} days at once: nothing that the store keeps was removed; if the clock is right, the next sweep does it`,
        );
    } catch (error) {
      onNote(`what the store keeps too long could not be removed: ${messageOf(error)}`);
    }
  }, everyMs);
}
