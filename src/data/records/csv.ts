import { badInput } from '../../core/index.ts';
import { createByteCollector } from './byte-collector.ts';
import type { DataLimits } from '../limits.ts';
import { validUtf8Length, type RecordEvent } from './record-parser.ts';
import { type ProblemReason, shown } from '../problems.ts';
import { createCellReader } from './csv-cell.ts';
import { put } from './put.ts';

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const MAX_COLUMNS = 2000;

/** Where the scanner stands: at a field's start, in it, inside its quotes, or behind a quote inside them. */
type State = 'start' | 'plain' | 'quoted' | 'quote';

/** One field of a record: its bytes, quotes included, and whether it has any. */
interface Field {
  readonly start: number;
  readonly end: number;
  readonly isQuoted: boolean;
}

/** What stands between fields. */
export interface CsvDialect {
  /** A single byte: a comma, a semicolon, a tab or a bar. */
  readonly separator: number;
}

/**
 * The rows of a table in text, those of a chunk at a time, under the names of its first row: fields between separators, in double quotes where they hold
 * separators, line ends or quotes (doubled). Lines end with LF or CRLF; empty lines are skipped. Memory is one chunk and one row. A cell's
 * value is what cellValue makes of it.
 *
 * Rows with another number of fields than the header, text behind a closing quote, quotes that never close and bytes that are
 * not UTF-8 are problems of their rows. Throws bad-input for a header with empty or repeated names.
 * Source: RFC 4180; a quote inside a field that does not start with one is itself, as spreadsheets and Python have it.
 */
export async function* readCsv(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  { limits, dialect }: { readonly limits: DataLimits; readonly dialect: CsvDialect },
): AsyncGenerator<readonly RecordEvent[]> {
  const { separator } = dialect;
  const pending = createByteCollector(limits.maxRecordBytes);
  const rows = createRowReader(file, limits);
  let events: RecordEvent[] = [];
  let fields: Field[] = [];
  let state: State = 'start';
  let line = 1;
  let startLine = 1;
  let quoteLine = 1;
  /** Offsets in the row's bytes. */
  let offset = 0;
  let fieldStart = 0;
  let isQuoted = false;
  /** Text behind a closing quote. */
  let strayAt: number | undefined;
  const endField = (end: number): void => {
    fields.push({ start: fieldStart, end, isQuoted });
    fieldStart = end + 1;
    isQuoted = false;
    state = 'start';
  };
  const finish = (last: Uint8Array, unclosedLine?: number): RecordEvent | undefined => {
    const isPiece = pending.sizeBytes > 0 || last.length > limits.maxRecordBytes;
    if (isPiece) pending.append(last);
    const { sizeBytes, overflowed } = pending;
    const row = {
      // A row that lies in one chunk is read where it lies.
      bytes: isPiece ? pending.take() : last,
      sizeBytes,
      overflowed,
      fields,
      line: startLine,
      quoteLine,
      strayAt,
      unclosedLine,
    };
    fields = [];
    strayAt = undefined;
    offset = fieldStart = 0;
    startLine = line + 1;
    return rows.read(row);
  };
  for await (const chunk of chunks) {
    let rowStart = 0;
    for (let i = 0; i < chunk.length; i++) {
      if (state === 'quoted') {
        const end = chunk.indexOf(QUOTE, i);
        const stop = end < 0 ? chunk.length : end;
        for (let at = chunk.indexOf(LF, i); at >= 0 && at < stop; at = chunk.indexOf(LF, at + 1)) line++;
        i = stop;
        if (end >= 0) state = 'quote';
        continue;
      }
      const byte = chunk[i]!;
      if (byte === separator || byte === LF) {
        const at = offset + i - rowStart;
        endField(at);
        if (byte === separator) continue;
        const event = finish(chunk.subarray(rowStart, i));
        if (event !== undefined) events.push(event);
        line++;
        rowStart = i + 1;
      } else if (byte === QUOTE && state !== 'plain') {
        if (state === 'start') quoteLine = line;
        isQuoted = true;
        state = 'quoted';
      } else if (state === 'quote') {
        if (byte !== CR) {
          strayAt ??= offset + i - rowStart;
          state = 'plain';
        }
      } else {
        state = 'plain';
      }
    }
    pending.append(chunk.subarray(rowStart));
    offset += chunk.length - rowStart;
    yield events;
    events = [];
  }
  if (offset === 0) return;
  const unclosed = state === 'quoted' ? quoteLine : undefined;
  endField(offset);
  const event = finish(new Uint8Array(0), unclosed);
  if (event !== undefined) yield [event];
}

interface RawRow {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  readonly overflowed: boolean;
  readonly fields: readonly Field[];
  readonly line: number;
  readonly quoteLine: number;
  readonly strayAt: number | undefined;
  readonly unclosedLine: number | undefined;
}

/** Makes records of rows; the first one is the header. */
function createRowReader(file: string, limits: DataLimits): { read(row: RawRow): RecordEvent | undefined } {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let names: readonly string[] | undefined;
  let cells: readonly ReturnType<typeof createCellReader>[] = [];
  /** `whole` is the row's text: where every byte is a character the field is a part of it. */
  const textOf = ({ start, end, isQuoted }: Field, bytes: Uint8Array, whole: string): string => {
    // The CR of a CRLF belongs to the line's end.
    const last = end === bytes.length && bytes[end - 1] === CR && end > start ? end - 1 : end;
    const isAscii = whole.length === bytes.length;
    const text = isAscii ? whole.slice(start, last) : decoder.decode(bytes.subarray(start, last));
    if (!isQuoted) return text;
    const inner = text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text.slice(1);
    return inner.includes('""') ? inner.replaceAll('""', '"') : inner;
  };
  return {
    read({ bytes, sizeBytes, overflowed, fields, line, quoteLine, strayAt, unclosedLine }) {
      const problem = (reason: ProblemReason, message: string): RecordEvent => {
        if (names === undefined)
          throw badInput({ file, line, message: `the header must name the columns: ${message}` });
        return { kind: 'problem', problem: { reason, file, line, message } };
      };
      if (overflowed) {
        const message = `a row must be at most ${limits.maxRecordBytes} bytes, got ${sizeBytes}; look for a quote in line ${quoteLine} that does not close`;
        return problem('record-too-long', message);
      }
      const isBlank =
        fields.length === 1 && !fields[0]!.isQuoted && (bytes.length === 0 || (bytes.length === 1 && bytes[0] === CR));
      if (isBlank) return undefined;
      if (unclosedLine !== undefined)
        return problem(
          'invalid-csv',
          `the quote that opens in line ${unclosedLine} must close, got the end of the file; double the quotes inside a field`,
        );
      if (strayAt !== undefined) {
        const found = shown(new TextDecoder().decode(bytes.subarray(strayAt, strayAt + 12)));
        return problem(
          'invalid-csv',
          `a separator or the line's end must follow a closing quote, got ${found}; double the quotes inside a field`,
        );
      }
      let texts: string[];
      try {
        const whole = decoder.decode(bytes);
        texts = fields.map((field) => textOf(field, bytes, whole));
      } catch {
        const found = `0x${(bytes[validUtf8Length(bytes)] ?? 0).toString(16).padStart(2, '0')}`;
        return problem('invalid-utf8', `text must be UTF-8, got the byte ${found}; convert the file to UTF-8`);
      }
      if (names === undefined) {
        names = headerOf(texts, { file, line });
        cells = names.map(createCellReader);
        return undefined;
      }
      if (fields.length !== names.length)
        return problem(
          'ragged-row',
          `a row must have the ${names.length} fields of the header, got ${fields.length}; quote fields that hold separators or line ends`,
        );
      const value: Record<string, unknown> = {};
      for (let index = 0; index < names.length; index++)
        put(value, names[index]!, cells[index]!(texts[index]!, fields[index]!.isQuoted));
      return { kind: 'record', value, origin: { file, line }, place: { line, column: 1 } };
    },
  };
}

/** What pandas calls that column when it reads it back. */
const INDEX_COLUMN = 'Unnamed: 0';

function headerOf(texts: readonly string[], place: { readonly file: string; readonly line: number }): string[] {
  const names = texts.map((text) => text.trim());
  const refuse = (message: string) => badInput({ ...place, message });
  if (names.length > MAX_COLUMNS) throw refuse(`a table must have at most ${MAX_COLUMNS} columns, got ${names.length}`);
  // pandas writes the rows' numbers into a first column without a name.
  if (names[0] === '' && names.length > 1) names[0] = INDEX_COLUMN;
  const empty = names.indexOf('');
  if (empty >= 0)
    throw refuse(`every column must have a name in the first line, got none for column ${empty + 1}; name it`);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined)
    throw refuse(`the names of columns must differ, got ${shown(repeated)} twice; rename one`);
  return names;
}
