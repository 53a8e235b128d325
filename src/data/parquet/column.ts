import type { DecodedArray, PageHeader } from 'hyparquet';
import { parquetHeader, readPage } from 'hyparquet/src/column.js';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel, isFlatColumn } from 'hyparquet/src/schema.js';
import type { ByteSource } from '../../formats/index.ts';
import { exactColumn } from './exact-values.ts';
import { decompressPage } from './decompress.ts';
import type { ColumnChunkLayout } from './layout.ts';
import type { ParquetLimits } from './limits.ts';
import { checkPage } from './page-guard.ts';
import { endOfThriftStruct, TRUNCATED } from './thrift-guard.ts';
import { PARSERS } from './values.ts';

type ColumnDecoder = Parameters<typeof readPage>[2];

/** Bytes that are read at a time, if the page is not larger. */
const WINDOW_BYTES = 256 * 1024;

/** The rows of one column of a row group, page after page; holds one page and the dictionary. */
export interface ColumnReader {
  /** The next `count` rows' values. Throws a plain Error when the chunk has fewer, or is damaged. */
  take(count: number): Promise<unknown[]>;
}

export function createColumnReader(chunk: ColumnChunkLayout, bytes: ByteSource, limits: ParquetLimits): ColumnReader {
  const schemaPath = [...chunk.schemaPath];
  const { element } = schemaPath.at(-1)!;
  const exact = exactColumn(element);
  const decoder: ColumnDecoder = {
    pathInSchema: chunk.meta.path_in_schema,
    type: chunk.meta.type,
    element: exact?.element ?? element,
    schemaPath,
    // Pages are unpacked, and looked at, before they are decoded.
    codec: 'UNCOMPRESSED',
    // Bytes that nobody called text stay bytes.
    utf8: false,
    parsers: { ...DEFAULT_PARSERS, ...PARSERS },
  };
  const levels = {
    maxRepetition: getMaxRepetitionLevel(schemaPath),
    maxDefinition: getMaxDefinitionLevel(schemaPath),
  };
  const isFlat = isFlatColumn(schemaPath);
  const pages = createPageFile(chunk, bytes, limits);
  let dictionary: DecodedArray | undefined;
  let rows: ArrayLike<unknown> = [];
  let at = 0;
  let hasEnded = false;
  /** Decodes one more page behind what is left of the last one. False at the end of the chunk. */
  const advance = async (): Promise<boolean> => {
    const next = await pages.next();
    if (next === undefined) return false;
    const { header, body } = next;
    if (header.type === 'INDEX_PAGE') return true;
    const page = unpackPage(header, body, { chunk, limits });
    const reader = { view: new DataView(page.buffer), offset: 0 };
    if (header.type === 'DICTIONARY_PAGE') {
      const plain = { ...header, compressed_page_size: page.length };
      const { data } = readPage(reader, plain, decoder, undefined, undefined, 0);
      dictionary = data === undefined ? undefined : convert(data, decoder);
      return true;
    }
    const counts = (header.data_page_header ?? header.data_page_header_v2)!;
    if (counts.num_values === 0) return true;
    checkPage(header, page, levels);
    // The last row of a list may go on in the next page, so the decoder gets what is left to add to.
    const rest = isFlat ? undefined : Array.prototype.slice.call(rows, at);
    const { data = [] } = readPage(reader, unpackedHeader(header, page.length), decoder, dictionary, rest, 0);
    if (isFlat) {
      if (Array.isArray(data) && data.includes(undefined)) throw new Error('an index must point into the dictionary');
      if (data.length !== counts.num_values)
        throw new Error(`a page must have its ${counts.num_values} values, got ${data.length}`);
      rows = at < rows.length ? [...Array.prototype.slice.call(rows, at), ...data] : data;
    } else {
      rows = data;
    }
    at = 0;
    return true;
  };
  return {
    async take(count) {
      const taken: unknown[] = [];
      while (taken.length < count) {
        // A row of a list is whole only when the next one has begun, or the chunk has ended.
        const ready = rows.length - at - (isFlat || hasEnded ? 0 : 1);
        const end = at + Math.min(count - taken.length, Math.max(0, ready));
        for (; at < end; at++) taken.push(exact === undefined ? rows[at] : exact.exact(rows[at]));
        if (taken.length === count) break;
        if (hasEnded) throw new Error(`it must have ${count} more rows, got ${taken.length}`);
        hasEnded = !(await advance());
      }
      return taken;
    },
  };
}

/** The unpacked bytes of a page; version 2 keeps its levels apart, unpacked, in front. */
function unpackPage(
  header: PageHeader,
  body: Uint8Array,
  { chunk, limits }: { readonly chunk: ColumnChunkLayout; readonly limits: ParquetLimits },
): Uint8Array<ArrayBuffer> {
  const { uncompressed_page_size: sizeBytes, data_page_header_v2: second } = header;
  const values = (header.data_page_header ?? second ?? header.dictionary_page_header)?.num_values;
  if (values === undefined) throw new Error(`a page must be of dictionary or data, got ${header.type}`);
  if (!(sizeBytes >= 0 && sizeBytes <= limits.maxPageBytes))
    throw new Error(`a page must unpack to at most ${limits.maxPageBytes} bytes, got ${sizeBytes}`);
  if (!(values >= 0 && values <= limits.maxPageValues))
    throw new Error(`a page must have at most ${limits.maxPageValues} values, got ${values}`);
  const { codec } = chunk.meta;
  if (second === undefined) return decompressPage(codec, body, sizeBytes) as Uint8Array<ArrayBuffer>;
  const levelBytes = second.repetition_levels_byte_length + second.definition_levels_byte_length;
  if (!(second.repetition_levels_byte_length >= 0 && levelBytes >= 0 && levelBytes <= Math.min(body.length, sizeBytes)))
    throw new Error(`the levels of a page must lie in its ${body.length} bytes, got ${levelBytes}`);
  if (!(second.num_nulls >= 0 && second.num_nulls <= values))
    throw new Error('a page must have no more nulls than values');
  const isPacked = second.is_compressed !== false;
  const page = new Uint8Array(sizeBytes);
  page.set(body.subarray(0, levelBytes));
  const data = decompressPage(isPacked ? codec : 'UNCOMPRESSED', body.subarray(levelBytes), sizeBytes - levelBytes);
  page.set(data, levelBytes);
  return page;
}

/** The header as it is of a page that was never packed. */
function unpackedHeader(header: PageHeader, sizeBytes: number): PageHeader {
  const { data_page_header_v2: second } = header;
  const plain = { ...header, compressed_page_size: sizeBytes, uncompressed_page_size: sizeBytes };
  return second === undefined ? plain : { ...plain, data_page_header_v2: { ...second, is_compressed: false } };
}

interface PageFile {
  next(): Promise<{ header: PageHeader; body: Uint8Array } | undefined>;
}

/** Reads pages of a chunk, a window of bytes at a time. */
function createPageFile(chunk: ColumnChunkLayout, bytes: ByteSource, limits: ParquetLimits): PageFile {
  const end = chunk.offset + chunk.sizeBytes;
  let window: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Where the window starts in the file, and how far it was read. */
  let start = chunk.offset;
  let at = 0;
  const have = async (sizeBytes: number): Promise<void> => {
    if (window.length - at >= sizeBytes) return;
    start += at;
    at = 0;
    window = await bytes.read(start, Math.min(end - start, Math.max(sizeBytes, WINDOW_BYTES)));
  };
  const headerEnd = async (): Promise<number> => {
    for (let wanted = 4096; ; wanted *= 8) {
      await have(Math.min(wanted, end - start - at));
      try {
        return endOfThriftStruct(window, at);
      } catch (error) {
        const isCut = error instanceof Error && error.message === TRUNCATED;
        const mayGrow = wanted < limits.maxHeaderBytes && start + window.length < end;
        if (!isCut || !mayGrow) throw new Error(`a page must have a header, got: ${String(error)}`, { cause: error });
      }
    }
  };
  return {
    async next() {
      // Some writers leave a byte behind the last page.
      if (end - start - at <= 1) return undefined;
      const headEnd = await headerEnd();
      const header = parquetHeader({ view: new DataView(window.buffer, window.byteOffset, headEnd), offset: at });
      at = headEnd;
      const { compressed_page_size: sizeBytes } = header;
      if (!(sizeBytes >= 0 && sizeBytes <= end - start - at))
        throw new Error(`a page must lie in its column, got ${sizeBytes} bytes of ${end - start - at}`);
      await have(sizeBytes);
      const body = window.subarray(at, at + sizeBytes);
      at += sizeBytes;
      return { header, body };
    },
  };
}
