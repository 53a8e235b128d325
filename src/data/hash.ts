import { canonicalJson } from '../core/index.ts';
import type { Content } from './row.ts';

/** 64 bits as two unsigned words. */
export type Hash64 = readonly [high: number, low: number];

/**
 * A 64-bit hash of a text's UTF-16 units, for finding duplicates and for splitting: two 32-bit lanes multiplied by
 * different odd constants, mixed into each other at the end (the finaliser of MurmurHash3). Not cryptographic: who can
 * choose texts can make them collide.
 */
export function hashText(text: string, seed = 0): Hash64 {
  let high = (0x9e3779b9 ^ seed) | 0;
  let low = (0x85ebca6b ^ Math.imul(seed, 0xc2b2ae35)) | 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(low ^ unit, 0x85ebca77);
    low ^= low >>> 13;
  }
  high = finish(high ^ Math.imul(low ^ text.length, 0xc2b2ae3d));
  low = finish(low ^ Math.imul(high, 0x27d4eb2f));
  return [high >>> 0, low >>> 0];
}

function finish(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** A hash in [0, 1): its upper 53 bits. */
export function hashFraction([high, low]: Hash64): number {
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

/** What makes two prompts the same: the trimmed text, or the trimmed turns. */
export function promptKey(prompt: Content): string {
  if (typeof prompt === 'string') return prompt.trim();
  return canonicalJson(prompt.map((turn) => ({ ...turn, content: turn.content.trim() })));
}
