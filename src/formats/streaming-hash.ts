/** A hash fed piece by piece, such as node:crypto's SHA-256; handed in, so that the readers run in a browser too. */
export interface StreamingHash {
  update(bytes: Uint8Array): void;
  /** Lower-case hexadecimal; no update may follow. */
  digestHex(): string;
}

/** Starts a SHA-256. */
export type CreateHash = () => StreamingHash;
