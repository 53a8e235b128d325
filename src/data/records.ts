import { type ForeignFile, foreignBytes } from './reading/foreign-files.ts';
import { badInput } from '../core/index.ts';
import { readJsonArray } from './records/json-array.ts';
import { readJsonLines } from './records/jsonl.ts';
import { DATA_LIMITS, type DataLimits } from './limits.ts';
import { DIALECT_BYTES, dialectOf, dialectText, isTableName } from './records/csv-dialect.ts';
import {
  DIVISION_BYTES,
  divisionOf,
  divisionText,
  isPlainTextName,
  readPlainText,
  type TextDivision,
} from './records/plain-text.ts';
import type { RecordEvent } from './records/record-parser.ts';
import type { DataSource } from './sources/source.ts';

/**
 * The records of a source, streamed. Parquet by its first bytes; a table (CSV, TSV) by the name's ending; plain text by the ending .txt, where what
 * it begins with is not JSON; else a JSON list when the
 * first byte that is not space is `[`, else JSON lines. A UTF-8 byte order mark is dropped. Memory does not grow with the number of
 * records. `onContainer` hears what it was: `JSON lines`, `CSV separated by ;`.
 *
 * Throws bad-input for UTF-16, for bytes that no file of these kinds starts with, for a broken JSON list or Parquet file, and beyond
 * the limits on the source's bytes and records; problems of single records are yielded in their place.
 */
export async function* readRecords(
  source: DataSource,
  limits: DataLimits = DATA_LIMITS,
  onContainer?: (container: string) => void,
): AsyncGenerator<RecordEvent, void> {
  for await (const batch of readRecordBatches(source, limits, onContainer)) for (const event of batch) yield event;
}

/** As readRecords, but each line of plain text that is not blank is a record, unless lines `<|endoftext|>` divide it. */
export async function* readLineRecords(
  source: DataSource,
  onContainer?: (container: string) => void,
): AsyncGenerator<RecordEvent, void> {
  for await (const batch of readRecordBatches(source, DATA_LIMITS, onContainer, 'lines'))
    for (const event of batch) yield event;
}

/** As readRecords, as many at a time as came together: a million promises cost seconds. Batches may be empty. */
export async function* readRecordBatches(
  source: DataSource,
  limits: DataLimits = DATA_LIMITS,
  onContainer?: (container: string) => void,
  otherwise?: TextDivision,
): AsyncGenerator<readonly RecordEvent[], void> {
  const chunks = limited(source, limits);
  let records = 0;
  try {
    const { container, events } = await openRecords(chunks, source, { limits, otherwise });
    onContainer?.(container);
    for await (const batch of events) {
      records += batch.length;
      yield records > limits.maxRecords ? batch.slice(0, limits.maxRecords - records) : batch;
      if (records > limits.maxRecords)
        throw badInput({ file: source.name, message: `data must hold at most ${limits.maxRecords} records, got more` });
    }
  } finally {
    await chunks.return(undefined);
  }
}

interface OpenedRecords {
  readonly container: string;
  readonly events: AsyncGenerator<readonly RecordEvent[]>;
}

/** Looks at the first bytes, and gives everything, those included, to the reader they ask for. */
async function openRecords(
  chunks: AsyncGenerator<Uint8Array>,
  source: DataSource,
  { limits, otherwise }: { readonly limits: DataLimits; readonly otherwise: TextDivision | undefined },
): Promise<OpenedRecords> {
  const { name } = source;
  const head = await takeAtLeast(chunks, 8);
  if (startsWith(head, 'PAR1')) {
    await chunks.return(undefined);
    return { container: 'Parquet', events: readParquetOf(source, limits) };
  }
  if (/\.parquet$/i.test(name)) {
    const found = head.length === 0 ? 'an empty file' : JSON.stringify(String.fromCharCode(...head.subarray(0, 4)));
    throw badInput({ file: name, message: `Parquet must start with PAR1, got ${found}; fetch or write it again` });
  }
  const text = withoutMark(head, name);
  if (isTableName(name)) {
    const more =
      text.length < DIALECT_BYTES && !text.includes(0x0a) ? await takeAtLeast(chunks, DIALECT_BYTES) : undefined;
    const start = more === undefined ? text : joined(text, more);
    if (opensJson(start))
      throw notRows(name, { what: 'JSON under the name of a table', advice: 'name it .json or .jsonl' });
    const dialect = dialectOf(start, name);
    const { readCsv } = await import('./records/csv.ts');
    return { container: dialectText(dialect), events: readCsv(rejoin([start], chunks), name, { limits, dialect }) };
  }
  if (isPlainTextName(name)) {
    const start = joined(text, await takeAtLeast(chunks, DIVISION_BYTES));
    const all = rejoin([start], chunks);
    if (!opensJson(start)) {
      const division = divisionOf(start, otherwise);
      return { container: divisionText(division), events: readPlainText(all, name, { limits, division }) };
    }
    return openJson(all, name, limits);
  }
  return openJson(rejoin([text], chunks), name, limits);
}

/** Whether the first character is that of an object, or of a list that holds objects. */
function opensJson(start: Uint8Array): boolean {
  const head = new TextDecoder().decode(start.subarray(0, 1024));
  return /^\s*(\{|\[\s*\{)/.test(head);
}

async function openJson(chunks: AsyncGenerator<Uint8Array>, name: string, limits: DataLimits): Promise<OpenedRecords> {
  const seen: Uint8Array[] = [];
  for (let next = await nextOf(chunks); next !== undefined; next = await nextOf(chunks)) {
    // Keeps the leading space only as line ends, so that a hostile gigabyte of blanks is not held.
    const first = next.find((byte) => byte > 0x20);
    seen.push(first === undefined ? next.filter((byte) => byte === 0x0a) : next);
    if (first === undefined) continue;
    const all = rejoin(seen, chunks);
    if (first === 0x5b) return { container: 'a JSON list', events: readJsonArray(all, name, limits) };
    break;
  }
  return { container: 'JSON lines', events: readJsonLines(rejoin(seen, chunks), name, limits) };
}

async function* readParquetOf(source: DataSource, limits: DataLimits): AsyncGenerator<readonly RecordEvent[]> {
  if (source.openBytes === undefined)
    throw badInput({
      file: source.name,
      message: 'Parquet must be a file of its own, got it packed or from a stream; unpack it, it is compressed inside',
    });
  // Its decoders are loaded for those who need them.
  const { readParquet } = await import('./parquet/read-parquet.ts');
  const bytes = await source.openBytes();
  try {
    yield* readParquet(bytes, limits);
  } finally {
    await bytes.close();
  }
}

/** bad-input that says what a file is instead of rows. */
export function notRows(file: string, { what, advice }: ForeignFile) {
  return badInput({ file, message: `data must be rows as JSON, JSON lines, CSV or Parquet, got ${what}; ${advice}` });
}

/** The beginning of a source as text, unpacked. */
export async function headText(source: DataSource, sizeBytes = 65_536): Promise<string> {
  const chunks = limited(source, DATA_LIMITS);
  try {
    const head = await takeAtLeast(chunks, sizeBytes);
    return new TextDecoder().decode(head.subarray(0, sizeBytes));
  } finally {
    await chunks.return(undefined);
  }
}

async function nextOf(chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array | undefined> {
  const next = await chunks.next();
  return next.done ? undefined : next.value;
}

/** The first chunks joined, at least `sizeBytes` of them if there are so many. */
async function takeAtLeast(chunks: AsyncGenerator<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
  // A chunk may be used again by its producer.
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < sizeBytes) {
    const next = await nextOf(chunks);
    if (next === undefined) break;
    head = joined(head, next);
  }
  return head;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
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

/** Drops a UTF-8 byte order mark, and refuses what is plainly another kind of file. */
function withoutMark(head: Uint8Array, file: string): Uint8Array {
  const foreign = foreignBytes(head);
  if (foreign !== undefined) throw notRows(file, foreign);
  const isMarked = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  return isMarked ? head.subarray(3) : head;
}

function startsWith(head: Uint8Array, text: string): boolean {
  return [...text].every((character, index) => head[index] === character.charCodeAt(0));
}
