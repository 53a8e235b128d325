import type { DecodedArray, SchemaTree } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { badInput, messageOf, PreftuneError } from '../../core/index.ts';
import type { ByteSource } from '../../formats/index.ts';
import type { DataLimits } from '../limits.ts';
import type { RecordEvent } from '../records/record-parser.ts';
import { put } from '../records/put.ts';
import { createColumnReader, type ColumnReader } from './column.ts';
import { readLayout, type RowGroupLayout } from './layout.ts';
import { PARQUET_LIMITS, type ParquetLimits } from './limits.ts';
import { PARSERS, toJson } from './values.ts';

/** Rows that are put together at a time. */
const BATCH_ROWS = 256;

/**
 * The rows of a Parquet file as records, some hundred at a time, streamed page by page: memory holds one page and one dictionary of each column, however
 * large the row groups are. A row's line is its number, 1-based. Lists, structs and maps come as JSON has them (values.ts).
 *
 * Throws bad-input with the column and row group for bytes that are damaged, and for what the limits refuse; a text that is not
 * UTF-8 and a row that is too long are problems of their rows.
 */
export async function* readParquet(
  bytes: ByteSource,
  data: DataLimits,
  parquet: ParquetLimits = PARQUET_LIMITS,
): AsyncGenerator<readonly RecordEvent[]> {
  const { schema, groups } = await readLayout(bytes, { parquet, data });
  let row = 0;
  for (const [index, group] of groups.entries()) {
    const columns = createGroupReader(group, { bytes, parquet });
    for (let done = 0; done < group.rows; done += BATCH_ROWS) {
      const count = Math.min(BATCH_ROWS, group.rows - done);
      const batch = await columns.take(count, schema).catch((error: unknown) => {
        throw damaged(error, { file: bytes.name, group: index, first: row + 1 });
      });
      const events: RecordEvent[] = [];
      for (let i = 0; i < count; i++) {
        const decoded: Record<string, unknown> = {};
        for (const { name, values } of batch) put(decoded, name, values[i]);
        events.push(recordOf(decoded, { file: bytes.name, line: ++row }, data));
      }
      yield events;
    }
  }
}

interface TopColumn {
  readonly name: string;
  readonly values: ArrayLike<unknown>;
}

function createGroupReader(
  { chunks }: RowGroupLayout,
  { bytes, parquet }: { readonly bytes: ByteSource; readonly parquet: ParquetLimits },
): { take(count: number, schema: SchemaTree): Promise<TopColumn[]> } {
  const readers = new Map<string, ColumnReader>();
  for (const chunk of chunks) readers.set(chunk.path, createColumnReader(chunk, bytes, parquet));
  return {
    async take(count, schema) {
      const leaves = new Map<string, DecodedArray>();
      for (const [path, reader] of readers) {
        const values = await reader.take(count).catch((error: unknown) => {
          throw error instanceof PreftuneError
            ? error
            : new Error(`column ${path}: ${messageOf(error)}`, { cause: error });
        });
        leaves.set(path, values);
      }
      return schema.children.map((child) => {
        const { name } = child.element;
        const own = new Map([...leaves].filter(([path]) => path === name || path.startsWith(`${name}.`)));
        if (child.children.length > 0) assembleNested(own, child, { ...DEFAULT_PARSERS, ...PARSERS });
        const values = own.get(name);
        if (values === undefined || values.length !== count)
          throw new Error(`column ${name}: it must have ${count} values`);
        return { name, values };
      });
    },
  };
}

function recordOf(
  row: object,
  origin: { readonly file: string; readonly line: number },
  limits: DataLimits,
): RecordEvent {
  const { file, line } = origin;
  const { value, characters, problems } = toJson(row);
  const bad = problems[0];
  if (bad !== undefined) {
    const found = `0x${bad.byte.toString(16).padStart(2, '0')}`;
    const message = `${bad.path} must be UTF-8, got the byte ${found}; write the column from text, not from bytes`;
    return { kind: 'problem', problem: { reason: 'invalid-utf8', file, line, path: bad.path, message } };
  }
  if (characters > limits.maxRecordBytes) {
    const message = `a row must have at most ${limits.maxRecordBytes} characters, got ${characters}`;
    return { kind: 'problem', problem: { reason: 'record-too-long', file, line, message } };
  }
  return { kind: 'record', value, origin, place: { line, column: 1 } };
}

function damaged(
  error: unknown,
  { file, group, first }: { readonly file: string; readonly group: number; readonly first: number },
): PreftuneError {
  if (error instanceof PreftuneError) return error;
  const place = `row group ${group}, from row ${first} on`;
  const message = `Parquet must be whole and valid, got in ${place}: ${messageOf(error)}; fetch or write the file again`;
  return badInput({ file, message }, { cause: error });
}
