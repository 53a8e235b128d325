import { badInput } from '../core/index.ts';
import { readJsonArray } from './json-array.ts';
import { readJsonLines } from './jsonl.ts';
import { DATA_LIMITS, type DataLimits } from './limits.ts';
import type { RecordEvent } from './record-parser.ts';
import type { DataSource } from './source.ts';

/**
 * The records of a source, streamed: a JSON list when the first byte that is not space is `[`, else JSON lines. A UTF-8 byte
 * order mark is dropped. Memory does not grow with the number of records.
 *
 * Throws bad-input for UTF-16, for bytes that no text file starts with, for a broken JSON list, and beyond the limits on
 * the source's bytes and records; problems of single records are yielded in their place.
 */
export async function* readRecords(
  source: DataSource,
  limits: DataLimits = DATA_LIMITS,
): AsyncGenerator<RecordEvent, void> {
  const chunks = withoutMark(limited(source, limits), source.name);
  let records = 0;
  for await (const event of await readerFor(chunks, source.name, limits)) {
    if (++records > limits.maxRecords)
      throw badInput({ file: source.name, message: `data must hold at most ${limits.maxRecords} records, got more` });
    yield event;
  }
}

/** Looks at the first byte that is not space, and gives everything, that byte included, to the reader it asks for. */
async function readerFor(
  chunks: AsyncGenerator<Uint8Array>,
  file: string,
  limits: DataLimits,
): Promise<AsyncGenerator<RecordEvent>> {
  const seen: Uint8Array[] = [];
  for (;;) {
    const next = await chunks.next();
    if (next.done) break;
    // Keeps the leading space only as line ends, so that a hostile gigabyte of blanks is not held.
    const first = next.value.find((byte) => byte > 0x20);
    seen.push(first === undefined ? next.value.filter((byte) => byte === 0x0a) : next.value);
    if (first === undefined) continue;
    const all = rejoin(seen, chunks);
    return first === 0x5b ? readJsonArray(all, file, limits) : readJsonLines(all, file, limits);
  }
  return readJsonLines(rejoin([], chunks), file, limits);
}

async function* rejoin(head: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* limited(source: DataSource, limits: DataLimits): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of source.open()) {
    sizeBytes += chunk.length;
    if (sizeBytes > limits.maxSourceBytes)
      throw badInput({
        file: source.name,
        message: `data must be at most ${limits.maxSourceBytes} bytes (unpacked), got more; split the file`,
      });
    yield chunk;
  }
}

/** Drops a UTF-8 byte order mark, which may be cut by chunks, and refuses what is plainly another kind of file. */
async function* withoutMark(chunks: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  let head = new Uint8Array(0);
  let started = false;
  for await (const chunk of chunks) {
    if (started) {
      yield chunk;
      continue;
    }
    const joined = new Uint8Array(head.length + chunk.length);
    joined.set(head);
    joined.set(chunk, head.length);
    head = joined;
    if (head.length < 4) continue;
    started = true;
    yield checkedHead(head, file);
  }
  if (!started && head.length > 0) yield checkedHead(head, file);
}

function checkedHead(head: Uint8Array, file: string): Uint8Array {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, index) => head[index] === byte);
  const kind =
    starts(0xff, 0xfe) || starts(0xfe, 0xff)
      ? 'UTF-16'
      : starts(0x50, 0x41, 0x52, 0x31)
        ? 'Parquet'
        : starts(0x50, 0x4b, 0x03, 0x04)
          ? 'a zip archive'
          : starts(0x1f, 0x8b)
            ? 'gzip inside gzip'
            : undefined;
  if (kind !== undefined)
    throw badInput({ file, message: `data must be JSON lines or a JSON list in UTF-8, got ${kind}; convert it` });
  return starts(0xef, 0xbb, 0xbf) ? head.subarray(3) : head;
}
