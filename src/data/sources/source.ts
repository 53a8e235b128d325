import { badInput } from '../../core/index.ts';
import type { ByteSource } from '../../formats/index.ts';

/**
 * Fields that formats know, with what the columns of a source are called: `{ prompt: 'question' }`. Where no column has the name, dots in it lead into
 * columns: `answers.0.text`.
 */
export type ColumnNames = Readonly<Record<string, string>>;

/** Bytes read from the start to the end, as often as `open` is called: a file, a download, a text in memory. */
export interface DataSource {
  /** For error messages and row origins. Its ending says what it is where bytes do not: .csv, .tsv, .txt. */
  readonly name: string;
  /** The decompressed bytes, in chunks of any size. Rejects with bad-input when they cannot be read. */
  open(): AsyncIterable<Uint8Array>;
  /** The bytes as they are stored, at any place, for Parquet; absent where they only come in order. The caller closes it. */
  openBytes?(): Promise<ByteSource>;
  /** How often an epoch has each row, on average; 1 when absent. */
  readonly weight?: number;
  /** What its columns are called, where a user said so; see withColumns. */
  readonly columns?: ColumnNames;
}

/** A source over a text (UTF-8) or bytes in memory. */
export function memorySource(name: string, content: string | Uint8Array): DataSource {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    name,
    async *open() {
      yield bytes;
    },
    openBytes: async () => memoryBytes(name, bytes),
  };
}

function memoryBytes(name: string, bytes: Uint8Array): ByteSource {
  const part = (offset: number, length: number): Uint8Array => {
    if (offset >= 0 && length >= 0 && offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
    throw badInput({
      file: name,
      message: `bytes ${offset} to ${offset + length} must be there, got ${bytes.length} bytes; fetch the file again`,
    });
  };
  return {
    name,
    sizeBytes: bytes.length,
    read: async (offset, length) => new Uint8Array(part(offset, length)),
    readInto: async (offset, target) => target.set(part(offset, target.length)),
    close: async () => undefined,
  };
}
