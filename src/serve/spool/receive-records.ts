import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { RECORDS_BODY } from '../../api/index.ts';
import type { JsonObject, JsonValue } from '../../core/index.ts';
import { JsonLines, syncFolder } from '../../files/index.ts';
import { ServeError } from '../serve-error.ts';

/** What became of each record of a request; the ids of all of them. */
export interface ReceivedRecords {
  readonly accepted: readonly string[];
  /** They were there already. */
  readonly duplicates: readonly string[];
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

export interface Receiver {
  /** Takes a body of `createSpool`. Resolves when what it accepted is on the disk. Throws ServeError 400 for a body of another shape. */
  receive(body: JsonValue): Promise<ReceivedRecords>;
  /** Takes away the files whose last record is older than so many days, beside the one that is written. Gives their names. */
  sweep(days: number): readonly string[];
  dispose(): void;
}

export interface ReceiverOptions {
  /** Made where it does not exist; records come into its `records.jsonl`, which becomes `records-TIME.jsonl` when it is a day old. */
  readonly folder: string;
  /** Ids that are remembered. Default 500,000: a repetition comes within seconds or, after a failure, hours. */
  readonly mostIds?: number;
  readonly now?: () => number;
}

const MOST_LINE_BYTES = 2 ** 20 + 1024;
const DAY_MS = 86_400_000;
const CURRENT = 'records.jsonl';
/** What came before, by the milliseconds of its last record. */
const OLDER = /^records-(\d{1,16})\.jsonl$/;

const RECORD = z.looseObject({ type: z.string().min(1).max(64) });
const ID = /^rec_[0-9a-f]{32}$/;

/** Where forwarded records come to: each once, in the order in which they came, in a file for each day, so that old ones can be taken away. */
export function createReceiver({ folder, mostIds = 500_000, now = Date.now }: ReceiverOptions): Receiver {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = new Set<string>();
  const remember = (id: string): void => {
    known.add(id);
    if (known.size > mostIds) known.delete(known.values().next().value!);
  };
  const path = join(folder, CURRENT);
  /** When the first and the last record of the current file came. */
  let [firstAt, lastAt]: [number | undefined, number] = [undefined, 0];
  const cameAt = (at: number): void => {
    firstAt ??= at;
    lastAt = at;
  };
  const open = (name: string, onTime: (at: number) => void): JsonLines =>
    new JsonLines(join(folder, name), {
      what: 'forwarded records',
      mostLineBytes: MOST_LINE_BYTES,
      onLine: ({ text }) => {
        const { id, receivedAt } = JSON.parse(text) as { readonly id: string; readonly receivedAt: number };
        remember(id);
        onTime(receivedAt);
      },
    });
  // The oldest first: where there are too many ids, those that came last are remembered.
  for (const name of olderFiles(folder)) open(name, () => undefined).dispose();
  let lines = open(CURRENT, cameAt);
  let flushing = 0;
  let seen = { at: now(), elapsed: performance.now() };
  const turnOver = (): void => {
    // Who waits for a flush waits for that of this file.
    if (flushing > 0 || firstAt === undefined || now() - firstAt < DAY_MS) return;
    lines.flush();
    lines.dispose();
    renameSync(path, join(folder, `records-${lastAt}.jsonl`));
    firstAt = undefined;
    lines = open(CURRENT, cameAt);
    syncFolder(folder);
  };
  return {
    async receive(body) {
      const parsed = RECORDS_BODY.safeParse(body);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new ServeError(400, `${issue!.path.join('.') || 'the body'}: ${issue!.message}`, {
          param: issue!.path.join('.'),
        });
      }
      const accepted: { readonly id: string; readonly record: JsonObject }[] = [];
      const duplicates: string[] = [];
      const refused: { readonly id: string; readonly reason: string }[] = [];
      const here = new Set<string>();
      for (const { id, record } of parsed.data.records) {
        const reason = whyNot(id, record);
        if (reason !== undefined) refused.push({ id, reason });
        else if (known.has(id) || here.has(id)) duplicates.push(id);
        else {
          here.add(id);
          accepted.push({ id, record: record as JsonObject });
        }
      }
      if (accepted.length > 0) {
        turnOver();
        const receivedAt = now();
        cameAt(receivedAt);
        lines.append(...accepted.map((one) => ({ ...one, receivedAt })));
        // Known only when written: a full disk must not turn the next try into a duplicate.
        for (const { id } of accepted) remember(id);
      }
      // Also for duplicates alone: the first request with them may still be on its way to the disk.
      flushing++;
      await lines.flushed().finally(() => flushing--);
      return { accepted: accepted.map(({ id }) => id), duplicates, refused };
    },
    sweep: (days) => {
      turnOver();
      const last = seen;
      seen = { at: now(), elapsed: performance.now() };
      // What a clock that went wrong deletes is gone for good. Where it is right, the next sweep does it.
      if (seen.at - last.at - (seen.elapsed - last.elapsed) > DAY_MS) return [];
      const before = seen.at - days * DAY_MS;
      const old = olderFiles(folder).filter((name) => endOf(name) < before);
      for (const name of old) rmSync(join(folder, name), { force: true });
      return old;
    },
    dispose: () => lines.dispose(),
  };
}

/** When the last record of such a file came. */
function endOf(name: string): number {
  return Number(OLDER.exec(name)![1]);
}

function olderFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => OLDER.test(name))
    .toSorted((a, b) => endOf(a) - endOf(b));
}

function whyNot(id: string, record: unknown): string | undefined {
  if (!ID.test(id)) return 'id must be rec_ and 32 hexadecimal digits';
  if (!RECORD.safeParse(record).success) return 'record must be an object with a type';
  return Buffer.byteLength(JSON.stringify(record)) > 2 ** 20 ? 'record must be at most 1 MiB' : undefined;
}
