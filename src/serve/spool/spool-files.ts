import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, parseExactJson, type JsonObject, type JsonValue } from '../../core/index.ts';
import { entriesOf, JsonLines, writeFileAtomic, type LinePlace } from '../../files/index.ts';

/** A record that waits, and where its line stands. */
export interface WaitingRecord {
  readonly id: string;
  readonly segment: number;
  /** 0-based, in its segment. */
  readonly line: number;
  readonly place: LinePlace;
}

/** What has been counted since the folder was made. */
export interface SpoolCounts {
  /** Taken by the home server. */
  readonly sent: number;
  /** The home server will never take them; they lie in `refused.jsonl`. */
  readonly refused: number;
  /** Given up for newer ones, where the bound was hit. */
  readonly dropped: number;
}

const POSITION = z.object({
  segment: z.int().min(1),
  line: z.int().min(0),
  sent: z.int().min(0),
  refused: z.int().min(0),
  dropped: z.int().min(0),
});
type Position = z.output<typeof POSITION>;

const LINE = z.object({ id: z.string().min(1), record: z.looseObject({}) });

/** One line; also what a record may have. */
export const MOST_RECORD_BYTES = 2 ** 20;
const SEGMENT_BYTES = 4 * 2 ** 20;
const MOST_REFUSED_BYTES = 16 * 2 ** 20;

const SEGMENT_NAME = /^spool-(\d{8})\.jsonl$/;

/**
 * The files of a spool: records in segments of JSON Lines, a position in front of which all is done, and what the home server refused. A segment goes as a whole
 * when its last record is done. Killed at any moment, it opens with every record that `flushed` had told of; one that was sent while the kill came may be sent again.
 */
export class SpoolFiles {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #segments = new Map<number, { readonly lines: JsonLines; bytes: number; count: number }>();
  #waiting: WaitingRecord[] = [];
  #position: Position = { segment: 1, line: 0, sent: 0, refused: 0, dropped: 0 };
  #refused: JsonLines | undefined;
  #refusedBytes = 0;
  readonly #closing = new Set<Promise<void>>();

  constructor(folder: string, { segmentBytes = SEGMENT_BYTES }: { readonly segmentBytes?: number } = {}) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#position = readPosition(join(folder, 'position.json')) ?? this.#position;
    const numbers = entriesOf(folder).flatMap(({ name }) => {
      const match = SEGMENT_NAME.exec(name);
      return match === null ? [] : [Number(match[1])];
    });
    for (const number of numbers.toSorted((a, b) => a - b)) {
      // Done with, and a kill came before it could be removed.
      if (number < this.#position.segment) rmSync(this.#path(number), { force: true });
      else this.#open(number);
    }
  }

  get waiting(): readonly WaitingRecord[] {
    return this.#waiting;
  }

  get counts(): SpoolCounts {
    const { sent, refused, dropped } = this.#position;
    return { sent, refused, dropped };
  }

  get sizeBytes(): number {
    let bytes = 0;
    for (const segment of this.#segments.values()) bytes += segment.bytes;
    return bytes;
  }

  /** Adds a record; it is safe when `flushed` has resolved. */
  append(id: string, record: JsonObject): JsonLines {
    let last = Math.max(this.#position.segment, ...this.#segments.keys());
    if ((this.#segments.get(last)?.bytes ?? 0) >= this.#segmentBytes) last += 1;
    const segment = this.#segments.get(last) ?? this.#open(last);
    const [place] = segment.lines.append({ id, record });
    segment.bytes += place!.length + 1;
    this.#waiting.push({ id, segment: last, line: segment.count, place: place! });
    segment.count += 1;
    return segment.lines;
  }

  /** Whether a record is still there: the oldest may have gone to make room. */
  has({ segment }: WaitingRecord): boolean {
    return this.#segments.has(segment);
  }

  recordOf({ segment, place }: WaitingRecord): JsonValue {
    const { record } = JSON.parse(this.#segments.get(segment)!.lines.textAt(place)) as { readonly record: JsonValue };
    return record;
  }

  /** The records are done with: taken, or refused for a reason. */
  finish(settled: readonly WaitingRecord[], refusals: ReadonlyMap<string, string>): void {
    const done = settled.filter((waiting) => this.has(waiting));
    const ids = new Set(done.map(({ id }) => id));
    for (const record of done) {
      const reason = refusals.get(record.id);
      if (reason !== undefined) this.#keepRefused(record, reason);
    }
    const isRefused = done.filter(({ id }) => refusals.has(id)).length;
    this.#leave(
      this.#waiting.filter(({ id }) => !ids.has(id)),
      { sent: done.length - isRefused, refused: isRefused, dropped: 0 },
    );
  }

  /** Gives up the oldest segment. Gives how many records went. */
  dropOldest(): number {
    const [first] = this.#waiting;
    if (first === undefined) return 0;
    const rest = this.#waiting.filter(({ segment }) => segment !== first.segment);
    const dropped = this.#waiting.length - rest.length;
    this.#leave(rest, { sent: 0, refused: 0, dropped });
    return dropped;
  }

  async dispose(): Promise<void> {
    for (const { lines } of this.#segments.values()) this.#close(lines);
    await Promise.all(this.#closing);
    this.#refused?.dispose();
  }

  #path(number: number): string {
    return join(this.#folder, `spool-${String(number).padStart(8, '0')}.jsonl`);
  }

  #open(number: number) {
    const isFirst = number === this.#position.segment;
    let [count, bytes] = [0, 0];
    const lines = new JsonLines(this.#path(number), {
      what: 'a spool of records',
      mostLineBytes: MOST_RECORD_BYTES + 256,
      onLine: ({ text, offset, length, line }) => {
        const parsed = LINE.safeParse(parseExactJson(text));
        if (!parsed.success)
          throw badInput({
            file: this.#path(number),
            line,
            message: 'a spooled record must have an id and a record; move the file away to begin anew',
          });
        if (!isFirst || count >= this.#position.line)
          this.#waiting.push({ id: parsed.data.id, segment: number, line: count, place: { offset, length } });
        count += 1;
        bytes += length + 1;
      },
    });
    const segment = { lines, bytes, count };
    this.#segments.set(number, segment);
    return segment;
  }

  /** Writes down where the rest begins, and only then removes what is before it. */
  #leave(rest: WaitingRecord[], { sent, refused, dropped }: SpoolCounts): void {
    const [first] = rest;
    const last = Math.max(this.#position.segment, ...this.#segments.keys());
    const position: Position = {
      // With nothing left the next record begins a new segment.
      segment: first?.segment ?? last + 1,
      line: first?.line ?? 0,
      sent: this.#position.sent + sent,
      refused: this.#position.refused + refused,
      dropped: this.#position.dropped + dropped,
    };
    writeFileAtomic(join(this.#folder, 'position.json'), `${JSON.stringify(position)}\n`);
    this.#position = position;
    this.#waiting = rest;
    for (const [number, { lines }] of this.#segments) {
      if (number >= position.segment) continue;
      this.#close(lines);
      this.#segments.delete(number);
      rmSync(this.#path(number), { force: true });
    }
  }

  /** A record may be delivered while `push` still waits for the disk: its file is closed behind that. */
  #close(lines: JsonLines): void {
    const closing = lines
      .flushed()
      .catch(() => undefined)
      .finally(() => {
        lines.dispose();
        this.#closing.delete(closing);
      });
    this.#closing.add(closing);
  }

  #keepRefused(waiting: WaitingRecord, reason: string): void {
    this.#refused ??= new JsonLines(join(this.#folder, 'refused.jsonl'), {
      what: 'records that were refused',
      mostLineBytes: MOST_RECORD_BYTES + 1024,
      onLine: ({ length }) => {
        this.#refusedBytes += length + 1;
      },
    });
    // What is beyond the bound is counted alone.
    if (this.#refusedBytes > MOST_REFUSED_BYTES) return;
    const [place] = this.#refused.append({
      id: waiting.id,
      reason: reason.slice(0, 300),
      record: this.recordOf(waiting),
    });
    this.#refusedBytes += place!.length + 1;
    this.#refused.flush();
  }
}

function readPosition(path: string): Position | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const parsed = POSITION.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw badInput({ file: path, message: 'must be the position of a spool; move the folder away to begin anew' });
}
