import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { RECORDS_BODY } from '../../api/index.ts';
import type { JsonObject, JsonValue } from '../../core/index.ts';
import { JsonLines } from '../../files/index.ts';
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
  dispose(): void;
}

export interface ReceiverOptions {
  /** Made where it does not exist; records come into its `records.jsonl`. */
  readonly folder: string;
  /** Ids that are remembered. Default 500,000: a repetition comes within seconds or, after a failure, hours. */
  readonly mostIds?: number;
  readonly now?: () => number;
}

const MOST_LINE_BYTES = 2 ** 20 + 1024;

const RECORD = z.looseObject({ type: z.string().min(1).max(64) });
const ID = /^rec_[0-9a-f]{32}$/;

/** Where forwarded records come to: each once, in one file, in the order in which they came. */
export function createReceiver({ folder, mostIds = 500_000, now = Date.now }: ReceiverOptions): Receiver {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = new Set<string>();
  const remember = (id: string): void => {
    known.add(id);
    if (known.size > mostIds) known.delete(known.values().next().value!);
  };
  const lines = new JsonLines(join(folder, 'records.jsonl'), {
    what: 'forwarded records',
    mostLineBytes: MOST_LINE_BYTES,
    onLine: ({ text }) => remember((JSON.parse(text) as { readonly id: string }).id),
  });
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
        const receivedAt = now();
        lines.append(...accepted.map((one) => ({ ...one, receivedAt })));
        // Known only when written: a full disk must not turn the next try into a duplicate.
        for (const { id } of accepted) remember(id);
      }
      // Also for duplicates alone: the first request with them may still be on its way to the disk.
      await lines.flushed();
      return { accepted: accepted.map(({ id }) => id), duplicates, refused };
    },
    dispose: () => lines.dispose(),
  };
}

function whyNot(id: string, record: unknown): string | undefined {
  if (!ID.test(id)) return 'id must be rec_ and 32 hexadecimal digits';
  if (!RECORD.safeParse(record).success) return 'record must be an object with a type';
  return Buffer.byteLength(JSON.stringify(record)) > 2 ** 20 ? 'record must be at most 1 MiB' : undefined;
}
