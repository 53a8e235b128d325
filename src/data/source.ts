/** Bytes read from the start to the end, as often as `open` is called: a file, a download, a text in memory. */
export interface DataSource {
  /** For error messages and row origins. */
  readonly name: string;
  /** The decompressed bytes, in chunks of any size. Rejects with bad-input when they cannot be read. */
  open(): AsyncIterable<Uint8Array>;
}

/** A source over a text (UTF-8) or bytes in memory. */
export function memorySource(name: string, content: string | Uint8Array): DataSource {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    name,
    async *open() {
      yield bytes;
    },
  };
}
