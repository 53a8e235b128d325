import { createByteCollector } from './byte-collector.ts';
import type { DataLimits } from '../limits.ts';
import { validUtf8Length, type RecordEvent } from './record-parser.ts';

const NEWLINE = 0x0a;
const MARK = new TextEncoder().encode('<|endoftext|>');

/** What ends a document: a line `<|endoftext|>`, a line with nothing but space, or every line end. */
export type TextDivision = 'marks' | 'blank lines' | 'lines';

/** Bytes that are looked at to tell how documents are divided. */
export const DIVISION_BYTES = 1 << 20;

/** Whether a file is plain text by its name: .txt, packed or not. */
export function isPlainTextName(name: string): boolean {
  return /\.txt(\.(gz|zst))?$/i.test(name);
}

/** `marks` where the start of a file has a line `<|endoftext|>`, else `otherwise`. */
export function divisionOf(start: Uint8Array, otherwise: TextDivision = 'blank lines'): TextDivision {
  for (let at = 0; at < start.length;) {
    const end = start.indexOf(NEWLINE, at);
    const line = start.subarray(at, end < 0 ? start.length : end);
    if (isMark(line)) return 'marks';
    if (end < 0) break;
    at = end + 1;
  }
  return otherwise;
}

/** For reports: what the file was. */
export function divisionText(division: TextDivision): string {
  return `plain text divided by ${division === 'marks' ? '<|endoftext|>' : division}`;
}

/**
 * The documents of a plain text as records `{"text"}`, those of a chunk at a time; line ends at their edges are not theirs, and empty ones are skipped.
 * Memory is one chunk and one document. A document that is not UTF-8 or longer than `maxRecordBytes` is a problem.
 */
export async function* readPlainText(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  { limits, division }: { readonly limits: DataLimits; readonly division: TextDivision },
): AsyncGenerator<readonly RecordEvent[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const document = createByteCollector(limits.maxRecordBytes);
  const line = createByteCollector(limits.maxRecordBytes);
  const isEnd = division === 'marks' ? isMark : isBlank;
  let events: RecordEvent[] = [];
  let lineNumber = 1;
  /** Of the document's first line with anything on it; 0 before there is one. */
  let begun = 0;
  const finishDocument = (): void => {
    if (begun > 0) events.push(eventOf({ document, decoder, file, line: begun, limits }));
    else document.take();
    begun = 0;
  };
  const finishLine = (hasEnd: boolean): void => {
    const { overflowed, sizeBytes } = line;
    const bytes = line.take();
    if (!overflowed && isEnd(bytes)) finishDocument();
    else {
      if (begun === 0 && (overflowed || !isBlank(bytes))) begun = lineNumber;
      if (begun > 0) document.append(overflowed ? new Uint8Array(sizeBytes) : bytes);
      if (begun > 0 && hasEnd) document.append(Uint8Array.of(NEWLINE));
      if (division === 'lines') finishDocument();
    }
    lineNumber++;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      line.append(chunk.subarray(start, end));
      finishLine(true);
      start = end + 1;
    }
    line.append(chunk.subarray(start));
    yield events;
    events = [];
  }
  finishLine(false);
  finishDocument();
  yield events;
}

interface FinishedDocument {
  readonly document: ReturnType<typeof createByteCollector>;
  readonly decoder: { decode(bytes: Uint8Array): string };
  readonly file: string;
  readonly line: number;
  readonly limits: DataLimits;
}

function eventOf({ document, decoder, file, line, limits }: FinishedDocument): RecordEvent {
  const { overflowed, sizeBytes } = document;
  const bytes = document.take();
  const origin = { file, line };
  if (overflowed) {
    const message = `a document must be at most ${limits.maxRecordBytes} bytes, got ${sizeBytes}; divide it by lines <|endoftext|>`;
    return { kind: 'problem', problem: { reason: 'record-too-long', ...origin, message } };
  }
  try {
    const text = decoder.decode(bytes).replace(/\s+$/, '');
    return { kind: 'record', value: { text }, origin, place: { line, column: 1 } };
  } catch {
    const valid = validUtf8Length(bytes);
    const message = `text must be UTF-8, got the byte 0x${(bytes[valid] ?? 0).toString(16).padStart(2, '0')}; convert the file to UTF-8`;
    const before = bytes.subarray(0, valid).filter((byte) => byte === NEWLINE).length;
    return { kind: 'problem', problem: { reason: 'invalid-utf8', file, line: line + before, message } };
  }
}

function isMark(line: Uint8Array): boolean {
  const end = line.at(-1) === 0x0d ? line.length - 1 : line.length;
  return end === MARK.length && MARK.every((byte, index) => line[index] === byte);
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
