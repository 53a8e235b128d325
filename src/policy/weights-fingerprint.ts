import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Checkpoint } from '../formats/index.ts';
import type { ReadAdapter } from './adapter-checkpoint.ts';

/** Identity of weights, an adapter's among them: the checkpoint's fingerprint, or SHA-256 of the adapter's over it. */
export async function weightsFingerprint(
  checkpoint: Pick<Checkpoint, 'fingerprint'>,
  adapter: Pick<ReadAdapter, 'fingerprint'> | undefined,
): Promise<string> {
  const base = await checkpoint.fingerprint();
  if (adapter === undefined) return base;
  return bytesToHex(sha256(utf8ToBytes(`${base} ${adapter.fingerprint}`)));
}
