import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** A hash that is being made; users of the package need no types of Node for it. */
export interface HubHash {
  update(data: string | Uint8Array): unknown;
  digest(encoding: 'hex'): string;
}

/**
 * The hash that the hub's checksum of a file is made with, before its first byte: SHA-256 for a large file (its checksum has 64 digits), else SHA-1 of git's blob.
 * Source: git's object format, `blob <size>\0` before the contents.
 */
export function createHubHash(checksum: string, sizeBytes: number): HubHash {
  return checksum.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${sizeBytes}\0`);
}

/** Adds a file, or its first bytes, to a hash. */
export async function hashFile(hash: HubHash, path: string, bytes = Infinity): Promise<void> {
  if (bytes === 0) return;
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Uint8Array);
}
