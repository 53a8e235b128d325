import { createHash } from 'node:crypto';
import type { StreamingHash } from './streaming-hash.ts';

/** A SHA-256 by node:crypto, which uses the processor's instructions for it. */
export function nodeSha256(): StreamingHash {
  const hash = createHash('sha256');
  return {
    update: (bytes) => void hash.update(bytes),
    digestHex: () => hash.digest('hex'),
  };
}
