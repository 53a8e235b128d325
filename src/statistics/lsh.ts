import { badInput } from '../core/index.ts';
import { similarity } from './minhash.ts';

/** Signatures of many items in one block: `bytes` [count * hashes]. */
export interface Signatures {
  readonly hashes: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export interface ClusterOptions {
  /** Estimated Jaccard similarity from which two items are one; in (0, 1]. */
  readonly threshold: number;
  /** Items that take no part, by index. */
  readonly skip?: (item: number) => boolean;
  /** What else must hold of two similar items to be one. */
  readonly accept?: (first: number, second: number) => boolean;
}

/** Hashes in a band: four bytes are one 32-bit key. */
const BAND = 4;

/** Items that share a band are compared with at most so many different ones before them: a band that everything shares stays linear. */
const MAX_HEADS = 16;

/**
 * Groups items whose signatures are similar. Candidates are items that agree in all four bytes of one of hashes / 4 bands (probability
 * 1 - (1 - J^4)^bands: 0.999 at J = 0.8 with 16 bands, 0.04 at J = 0.22), and are joined when their whole signatures reach the threshold.
 *
 * Returns for each item the lowest index of its group; an item alone, or skipped, is its own. Memory: 12 bytes an item.
 * Throws bad-input unless hashes is a multiple of 4. Source: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4.
 */
export function similarClusters(signatures: Signatures, { threshold, skip, accept }: ClusterOptions): Uint32Array {
  const { hashes, count, bytes } = signatures;
  if (hashes % BAND !== 0) throw badInput(`similarClusters: hashes must be a multiple of ${BAND}, got ${hashes}`);
  const sets = createDisjointSets(count);
  const signatureOf = (item: number): Uint8Array => bytes.subarray(item * hashes, (item + 1) * hashes);
  for (let band = 0; band < hashes; band += BAND) {
    forEachRun(bandKeys(signatures, band, skip), (items) => {
      const heads: number[] = [];
      for (const item of items) {
        const head = heads.find(
          (other) =>
            sets.find(other) === sets.find(item) ||
            (similarity(signatureOf(other), signatureOf(item)) >= threshold && accept?.(other, item) !== false),
        );
        if (head !== undefined) sets.join(head, item);
        else if (heads.length < MAX_HEADS) heads.push(item);
      }
    });
  }
  return Uint32Array.from({ length: count }, (_, item) => sets.find(item));
}

/**
 * For each item of `left`, the item of `right` that is most similar to it among the candidates, at least `threshold`; -1 where there is
 * none. For leaks between two sets.
 */
export function similarAcross(left: Signatures, right: Signatures, threshold: number): Int32Array {
  const { hashes } = left;
  if (hashes !== right.hashes || hashes % BAND !== 0)
    throw badInput(
      `similarAcross: both sets must have the same multiple of ${BAND} hashes, got ${hashes} and ${right.hashes}`,
    );
  const best = new Int32Array(left.count).fill(-1);
  const score = new Float32Array(left.count);
  const bytes = new Uint8Array((left.count + right.count) * hashes);
  bytes.set(left.bytes.subarray(0, left.count * hashes));
  bytes.set(right.bytes.subarray(0, right.count * hashes), left.count * hashes);
  const signatureOf = (item: number): Uint8Array => bytes.subarray(item * hashes, (item + 1) * hashes);
  for (let band = 0; band < hashes; band += BAND) {
    forEachRun(bandKeys({ hashes, count: left.count + right.count, bytes }, band), (items) => {
      // Ascending: the items of the left set come first.
      const others = items.filter((item) => item >= left.count).slice(0, MAX_HEADS);
      if (others.length === 0) return;
      for (const item of items) {
        if (item >= left.count) break;
        for (const other of others) {
          const found = similarity(signatureOf(item), signatureOf(other));
          if (found < threshold || found <= score[item]!) continue;
          score[item] = found;
          best[item] = other - left.count;
        }
      }
    });
  }
  return best;
}

/** Keys of a band with their items, as 64-bit words (key high, item low), ascending. */
function bandKeys({ hashes, count, bytes }: Signatures, band: number, skip?: (item: number) => boolean): Uint32Array {
  const words = new Uint32Array(2 * count);
  let used = 0;
  for (let item = 0; item < count; item++) {
    if (skip?.(item) === true) continue;
    const at = item * hashes + band;
    words[used++] = item;
    words[used++] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  new BigUint64Array(words.buffer, 0, used / 2).sort();
  return words.subarray(0, used);
}

/** Calls with the items of each key that several share, ascending. */
function forEachRun(words: Uint32Array, visit: (items: number[]) => void): void {
  for (let start = 0; start < words.length;) {
    let end = start + 2;
    while (end < words.length && words[end + 1] === words[start + 1]) end += 2;
    if (end - start > 2) visit(Array.from({ length: (end - start) / 2 }, (_, i) => words[start + 2 * i]!));
    start = end;
  }
}

/** Groups that can only be joined; each is named by its lowest member. */
export interface DisjointSets {
  find(item: number): number;
  join(first: number, second: number): void;
}

/** Source: Tarjan and van Leeuwen (1984), path halving; the lower root wins, so that names do not depend on the order. */
export function createDisjointSets(count: number): DisjointSets {
  const parents = Uint32Array.from({ length: count }, (_, item) => item);
  const find = (item: number): number => {
    let at = item;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]!]!;
      at = parents[at]!;
    }
    return at;
  };
  return {
    find,
    join(first, second) {
      const [a, b] = [find(first), find(second)];
      parents[Math.max(a, b)] = Math.min(a, b);
    },
  };
}
