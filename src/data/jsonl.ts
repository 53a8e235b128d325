import { createByteCollector } from './byte-collector.ts';
import type { DataLimits } from './limits.ts';
import { createRecordParser, type RecordEvent } from './record-parser.ts';

const NEWLINE = 0x0a;

/**
 * The records of JSON lines: one value a line, lines ended by LF or CRLF, blank lines skipped, the last line with or without
 * its end. Memory is one line. A line that is not JSON is a problem, and reading goes on with the next.
 * Source: jsonlines.org.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  limits: DataLimits,
): AsyncGenerator<RecordEvent> {
  const parse = createRecordParser(file, limits);
  const pending = createByteCollector(limits.maxRecordBytes);
  let line = 1;
  const finish = (): RecordEvent | undefined => {
    const { sizeBytes, overflowed } = pending;
    const bytes = pending.take();
    if (overflowed) {
      const message = `a line must be at most ${limits.maxRecordBytes} bytes, got ${sizeBytes}; JSONL holds one record a line`;
      return { kind: 'problem', problem: { reason: 'record-too-long', file, line, message } };
    }
    return isBlank(bytes) ? undefined : parse(bytes, { file, line }, { line, column: 1 });
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      pending.append(chunk.subarray(start, end));
      const event = finish();
      if (event !== undefined) yield event;
      line++;
      start = end + 1;
    }
    pending.append(chunk.subarray(start));
  }
  const event = finish();
  if (event !== undefined) yield event;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
