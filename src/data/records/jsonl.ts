import { createByteCollector } from './byte-collector.ts';
import type { DataLimits } from '../limits.ts';
import { createRecordParser, type RecordEvent } from './record-parser.ts';

const NEWLINE = 0x0a;
/** UTF-8 has at most three bytes for a UTF-16 unit. */
const MAX_BYTES_A_UNIT = 3;

/**
 * The records of JSON lines, those of a chunk at a time: one value a line, lines ended by LF or CRLF, blank lines skipped, the last
 * line with or without its end. Memory is one chunk and one line. A line that is not JSON is a problem, and reading goes on with
 * the next. Source: jsonlines.org.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  limits: DataLimits,
): AsyncGenerator<readonly RecordEvent[]> {
  const parser = createRecordParser(file, limits);
  const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const pending = createByteCollector(limits.maxRecordBytes);
  let line = 1;
  let events: RecordEvent[] = [];
  const finish = (): void => {
    const { sizeBytes, overflowed } = pending;
    const bytes = pending.take();
    if (overflowed) {
      const message = `a line must be at most ${limits.maxRecordBytes} bytes, got ${sizeBytes}; JSONL holds one record a line`;
      events.push({ kind: 'problem', problem: { reason: 'record-too-long', file, line, message } });
    } else if (!isBlank(bytes)) {
      events.push(parser.parse(bytes, { file, line }, { line, column: 1 }));
    }
  };
  /** Whole lines: as one text where they are UTF-8, which is faster than decoding each. */
  const readLines = (bytes: Uint8Array): void => {
    const text = decoded(whole, bytes);
    for (let start = 0; start < (text ?? bytes).length; line++) {
      const end = text === undefined ? bytes.indexOf(NEWLINE, start) : text.indexOf('\n', start);
      const next = text?.slice(start, end);
      if (next === undefined || next.length * MAX_BYTES_A_UNIT > limits.maxRecordBytes) {
        pending.append(next === undefined ? bytes.subarray(start, end) : new TextEncoder().encode(next));
        finish();
      } else if (next.trim() !== '' || !isBlankText(next)) {
        events.push(parser.parseText(next, { file, line }, { line, column: 1 }));
      }
      start = end + 1;
    }
  };
  for await (const chunk of chunks) {
    let start = 0;
    const first = chunk.indexOf(NEWLINE);
    if (first >= 0 && pending.sizeBytes > 0) {
      pending.append(chunk.subarray(0, first));
      finish();
      line++;
      start = first + 1;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > start) readLines(chunk.subarray(start, end));
    pending.append(chunk.subarray(Math.max(start, end)));
    yield events;
    events = [];
  }
  finish();
  yield events;
}

function decoded(decoder: { decode(bytes: Uint8Array): string }, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** trim() also takes spaces that JSON does not know. */
function isBlankText(line: string): boolean {
  return /^[ \t\r]*$/.test(line);
}
