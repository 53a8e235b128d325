import type { ColumnMetaData, FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';
import { parquetMetadata, parquetSchema } from 'hyparquet/src/metadata.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { badInput } from '../../core/index.ts';
import type { ByteSource } from '../../formats/index.ts';
import type { DataLimits } from '../limits.ts';
import type { ParquetLimits } from './limits.ts';
import { endOfThriftStruct } from './thrift-guard.ts';

/** The values of one column in one row group: where its pages lie. */
export interface ColumnChunkLayout {
  /** Dotted names from the root. */
  readonly path: string;
  /** The schema's elements from the root to the column. */
  readonly schemaPath: readonly SchemaTree[];
  readonly meta: ColumnMetaData;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface RowGroupLayout {
  readonly rows: number;
  readonly chunks: readonly ColumnChunkLayout[];
}

/** What a Parquet file's footer says, after everything in it was held against the file's size and the limits. */
export interface ParquetLayout {
  readonly rows: number;
  readonly schema: SchemaTree;
  readonly groups: readonly RowGroupLayout[];
}

const MAGIC = 'PAR1';
/** Magic, footer length and magic again. */
const MIN_BYTES = 12;

/**
 * Reads the footer. Throws bad-input for a file that is cut or encrypted, for a footer that is no footer, and for rows, columns
 * or places that the file cannot hold. Source: Apache Parquet, "File format".
 */
export async function readLayout(
  bytes: ByteSource,
  { parquet, data }: { readonly parquet: ParquetLimits; readonly data: DataLimits },
): Promise<ParquetLayout> {
  const refuse = (message: string) => badInput({ file: bytes.name, message });
  const { sizeBytes } = bytes;
  const cut = 'the file is cut or was not closed by its writer; fetch or write it again';
  if (sizeBytes < MIN_BYTES) throw refuse(`Parquet must have at least ${MIN_BYTES} bytes, got ${sizeBytes}; ${cut}`);
  const tail = await bytes.read(sizeBytes - 8, 8);
  const magic = String.fromCharCode(...tail.subarray(4));
  if (magic === 'PARE') throw refuse('Parquet must not be encrypted, got an encrypted footer; decrypt it first');
  if (magic !== MAGIC) throw refuse(`Parquet must end with ${MAGIC}, got ${JSON.stringify(magic)}; ${cut}`);
  const footerBytes = new DataView(tail.buffer, tail.byteOffset, 4).getUint32(0, true);
  if (footerBytes > sizeBytes - MIN_BYTES)
    throw refuse(`the footer must lie in the file of ${sizeBytes} bytes, got a length of ${footerBytes}; ${cut}`);
  if (footerBytes > parquet.maxFooterBytes)
    throw refuse(
      `the footer must have at most ${parquet.maxFooterBytes} bytes, got ${footerBytes}; write larger row groups`,
    );
  const footer = await bytes.read(sizeBytes - 8 - footerBytes, footerBytes + 8);
  let metadata: FileMetaData;
  try {
    endOfThriftStruct(footer.subarray(0, footerBytes), 0);
    metadata = parquetMetadata(footer, { geoparquet: false });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badInput({ file: bytes.name, message: `the footer must be whole, got: ${why}; ${cut}` }, { cause: error });
  }
  const problem =
    schemaProblem(metadata.schema, parquet, data.maxDepth) ?? countProblem(metadata, sizeBytes, { parquet, data });
  if (problem !== undefined) throw refuse(`${problem}; the file is damaged, write it again`);
  const schema = parquetSchema(metadata);
  const groups = metadata.row_groups.map((group, index): RowGroupLayout => {
    const chunks = group.columns.map(({ meta_data: meta, file_path: elsewhere }) => {
      if (meta === undefined || elsewhere !== undefined)
        throw refuse(`columns of row group ${index} must lie in the file, got one elsewhere; write it again`);
      return chunkLayout(meta, schema, bytes);
    });
    const missing = leavesOf(schema).filter((leaf) => chunks.every(({ path }) => path !== leaf));
    if (missing.length > 0 || chunks.length !== new Set(chunks.map(({ path }) => path)).size)
      throw refuse(
        `row group ${index} must have every column once, got none of ${missing[0] ?? 'some and two of others'}; write it again`,
      );
    return { rows: Number(group.num_rows), chunks };
  });
  return { rows: Number(metadata.num_rows), schema, groups };
}

/** What is wrong with the list that the tree of columns is made of. */
function schemaProblem(
  schema: readonly SchemaElement[],
  { maxColumns }: ParquetLimits,
  maxDepth: number,
): string | undefined {
  if (!Array.isArray(schema) || schema.length < 2) return 'the schema must have a column, got none';
  /** Children that the open elements still lack. */
  const owed: number[] = [];
  let leaves = 0;
  for (const [index, { name, num_children: children = 0, type }] of schema.entries()) {
    if (index > 0 && owed.length === 0) return `the schema must be one tree, got more after element ${index}`;
    if (index > 0) owed[owed.length - 1]!--;
    if (typeof name !== 'string' || !(children >= 0)) return `element ${index} of the schema must have a name`;
    if (children > 0) owed.push(children);
    else if (index === 0) return 'the schema must have a column, got none';
    else if (type === undefined) return `the column ${name} must have a type, got none`;
    else leaves++;
    if (owed.length > maxDepth) return `columns must nest at most ${maxDepth} deep`;
    while (owed.at(-1) === 0) owed.pop();
  }
  if (owed.length > 0) return 'the schema must be whole, got fewer elements than it names';
  return leaves > maxColumns ? `data must have at most ${maxColumns} columns, got ${leaves}` : undefined;
}

/** What is wrong with the counts of rows. */
function countProblem(
  { num_rows: total, row_groups: groups }: FileMetaData,
  sizeBytes: number,
  { parquet, data }: { readonly parquet: ParquetLimits; readonly data: DataLimits },
): string | undefined {
  const counts = groups.map((group) => group.num_rows);
  if (typeof total !== 'bigint' || counts.some((count) => typeof count !== 'bigint' || count < 0n))
    return 'the footer must count the rows';
  const sum = counts.reduce((rows, count) => rows + count, 0n);
  if (sum !== total) return `the row groups must have the file's ${total} rows, got ${sum}`;
  const mostRows = Math.min(data.maxRecords, sizeBytes * parquet.maxRowsPerByte);
  return total > BigInt(mostRows)
    ? `a file of ${sizeBytes} bytes must have at most ${mostRows} rows, got ${total}`
    : undefined;
}

function chunkLayout(
  meta: ColumnMetaData,
  schema: SchemaTree,
  { name: file, sizeBytes }: ByteSource,
): ColumnChunkLayout {
  const path = meta.path_in_schema.join('.');
  let schemaPath: SchemaTree[];
  try {
    schemaPath = getTreePath(schema, meta.path_in_schema);
  } catch {
    throw badInput({
      file,
      message: `the column ${path} must be in the schema, got none of that name; write it again`,
    });
  }
  const starts = [meta.data_page_offset, meta.dictionary_page_offset].filter((at) => at !== undefined && at > 0n);
  const offset = Math.min(...starts.map(Number));
  const chunkBytes = Number(meta.total_compressed_size);
  if (!(offset >= 4 && chunkBytes >= 0 && offset + chunkBytes <= sizeBytes))
    throw badInput({
      file,
      message: `the column ${path} must lie in the file of ${sizeBytes} bytes, got ${chunkBytes} bytes from ${offset}; the file is damaged, write it again`,
    });
  return { path, schemaPath, meta, offset, sizeBytes: chunkBytes };
}

function leavesOf(node: SchemaTree): string[] {
  return node.children.length === 0 ? [node.path.join('.')] : node.children.flatMap(leavesOf);
}
