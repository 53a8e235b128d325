import { badInput, type PreftuneError } from '../../core/index.ts';
import { createByteCollector } from './byte-collector.ts';
import type { DataLimits } from '../limits.ts';
import { createRecordParser, type RecordEvent, type TextPlace } from './record-parser.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Where the scanner stands between elements. */
type State = 'before-list' | 'first-element-or-end' | 'element' | 'in-element' | 'in-string' | 'in-escape' | 'done';

/**
 * The elements of one JSON list, those of a chunk at a time: the scanner only follows brackets and strings, and
 * every element is parsed on its own. Memory is one element.
 *
 * An element that is not JSON is a problem, and reading goes on; a list that is not one (no bracket, no comma, cut) throws
 * bad-input with line and column, because where the next element starts is then unknown.
 */
export async function* readJsonArray(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  limits: DataLimits,
): AsyncGenerator<readonly RecordEvent[]> {
  const parser = createRecordParser(file, limits);
  let events: RecordEvent[] = [];
  const pending = createByteCollector(limits.maxRecordBytes);
  let state: State = 'before-list';
  let depth = 0;
  let line = 1;
  let column = 1;
  let position = 0;
  let start: TextPlace = { line, column };
  const broken = (expected: string, byte: number | undefined): PreftuneError => {
    const found = byte === undefined ? 'the end of the file' : JSON.stringify(String.fromCharCode(byte));
    return badInput({ file, line, column, message: `the JSON list must have ${expected} here, got ${found}` });
  };
  const finish = (): RecordEvent => {
    const { sizeBytes, overflowed } = pending;
    const bytes = pending.take();
    const origin = { file, line: ++position };
    if (!overflowed) return parser.parse(bytes, origin, start);
    const message = `an element must be at most ${limits.maxRecordBytes} bytes, got ${sizeBytes}`;
    return { kind: 'problem', problem: { reason: 'record-too-long', file, ...start, message } };
  };
  for await (const chunk of chunks) {
    let elementStart = state.startsWith('in-') ? 0 : -1;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      switch (state) {
        case 'in-string':
          if (byte === QUOTE) state = 'in-element';
          else if (byte === BACKSLASH) state = 'in-escape';
          break;
        case 'in-escape':
          state = 'in-string';
          break;
        case 'in-element':
          if (byte === QUOTE) state = 'in-string';
          else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
          else if (depth > 0 && (byte === CLOSE_OBJECT || byte === CLOSE_LIST)) depth--;
          else if (depth === 0 && (byte === COMMA || byte === CLOSE_LIST)) {
            pending.append(chunk.subarray(elementStart, i));
            elementStart = -1;
            events.push(finish());
            state = byte === COMMA ? 'element' : 'done';
          }
          break;
        case 'before-list':
        case 'done':
          if (isSpace(byte)) break;
          if (state !== 'before-list' || byte !== OPEN_LIST)
            throw broken(state === 'done' ? 'nothing more after its end' : 'an opening [', byte);
          state = 'first-element-or-end';
          break;
        case 'first-element-or-end':
        case 'element':
          if (isSpace(byte)) break;
          if (byte === CLOSE_LIST && state === 'first-element-or-end') {
            state = 'done';
            break;
          }
          if (byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT) throw broken('an element', byte);
          elementStart = i;
          start = { line, column };
          depth = byte === OPEN_OBJECT || byte === OPEN_LIST ? 1 : 0;
          state = byte === QUOTE ? 'in-string' : 'in-element';
          break;
      }
      if (byte === 0x0a) {
        line++;
        column = 1;
      } else if ((byte & 0xc0) !== 0x80) {
        column++;
      }
    }
    if (elementStart >= 0) pending.append(chunk.subarray(elementStart));
    yield events;
    events = [];
  }
  if (state !== 'done') throw broken(state === 'before-list' ? 'an opening [' : 'a closing ]', undefined);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
