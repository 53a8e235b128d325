/** Bytes that can be read at any place: a file, a buffer, a Blob in the browser, a ranged download. */
export interface ByteSource {
  /** For error messages. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`, perhaps a view; rejects with bad-input when they are not all there. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Fills `target` from `offset` without another copy; rejects with bad-input when the bytes are not all there. */
  readInto(offset: number, target: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
}
