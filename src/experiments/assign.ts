import { createHash } from 'node:crypto';

/** Where a unit falls in [0, 1): SHA-256(key, a zero byte, unit), its first 8 bytes big-endian over 2^64 (of which a double holds 53). */
export function placeOf(key: string, unit: string): number {
  const digest = createHash('sha256').update(`${key}\0${unit}`).digest();
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53;
}

/**
 * The arm of a place: each has a slot of [0, 1) as wide as its share, and takes the first `traffic` of it; the rest is not in the experiment. Widening the traffic moves
 * nobody from one arm to another. Undefined: not in the experiment.
 */
export function armAt(place: number, shares: readonly number[], traffic: number): number | undefined {
  let begin = 0;
  for (const [arm, share] of shares.entries()) {
    const end = begin + share;
    if (place < end || arm === shares.length - 1) return place - begin < share * traffic ? arm : undefined;
    begin = end;
  }
  return undefined;
}

/** Whether a unit is one of those that are never in an experiment of the alias: the same ones whatever is tested. */
export function isHeldOut(alias: string, unit: string, share: number): boolean {
  return share > 0 && placeOf(`holdout:${alias}`, unit) < share;
}
