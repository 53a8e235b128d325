import type { Hash64 } from '../hash.ts';

/** What a counter found; exact while `sampledShare` is 1, else estimates from that share of the distinct keys. */
export interface RepeatCounts {
  /** Distinct keys. */
  readonly distinct: number;
  /** Additions whose key had been added before with the same label. */
  readonly repeats: number;
  /** Distinct keys that were added with both labels. */
  readonly contradictions: number;
  readonly sampledShare: number;
}

/** Counts how often 64-bit keys repeat, in bounded memory. */
export interface HashCounter {
  /** `label` 0 or 1: which of two ways the key was seen (the two orders of a pair, say). */
  add(key: Hash64, label?: 0 | 1): void;
  counts(): RepeatCounts;
}

/** How many distinct keys a counter holds before it samples: about 8 MB. */
export const MAX_TRACKED_KEYS = 2 ** 18;

/**
 * An open-addressing table of keys with a count for each label. When more than `maxKeys` distinct keys have come, only those
 * whose hash has `level` zero bits at the end are kept, and level rises by one: a uniform sample of the distinct keys, for which
 * all counts stay exact because the choice depends on the key alone. Source: adaptive sampling (Wegman; Flajolet 1990).
 */
export function createHashCounter(maxKeys = MAX_TRACKED_KEYS): HashCounter {
  let capacity = 1024;
  let table = emptyTable(capacity);
  let size = 0;
  let level = 0;
  /** Puts a key into the table and returns its slot. */
  const slotOf = (high: number, low: number): number => {
    let slot = (low ^ Math.imul(high, 0x9e3779b1)) & (capacity - 1);
    for (;;) {
      if (table.used[slot] === 0) {
        table.used[slot] = 1;
        table.high[slot] = high;
        table.low[slot] = low;
        size++;
        return slot;
      }
      if (table.high[slot] === high && table.low[slot] === low) return slot;
      slot = (slot + 1) & (capacity - 1);
    }
  };
  const rebuild = (newCapacity: number): void => {
    const old = table;
    capacity = newCapacity;
    table = emptyTable(capacity);
    size = 0;
    for (let from = 0; from < old.used.length; from++) {
      if (old.used[from] === 0 || !isSampled(old.high[from]!, level)) continue;
      const slot = slotOf(old.high[from]!, old.low[from]!);
      table.first[slot] = old.first[from]!;
      table.second[slot] = old.second[from]!;
    }
  };
  return {
    add([high, low], label = 0) {
      if (!isSampled(high, level)) return;
      const slot = slotOf(high, low);
      const counts = label === 0 ? table.first : table.second;
      counts[slot] = Math.min(0xffffffff, counts[slot]! + 1);
      // One level halves the table; should it not, the next addition raises the level again.
      if (size > maxKeys) {
        level++;
        rebuild(capacity);
      } else if (size * 2 > capacity) {
        rebuild(capacity * 2);
      }
    },
    counts() {
      let repeats = 0;
      let contradictions = 0;
      for (let slot = 0; slot < capacity; slot++) {
        const first = table.first[slot]!;
        const second = table.second[slot]!;
        repeats += Math.max(0, first - 1) + Math.max(0, second - 1);
        if (first > 0 && second > 0) contradictions++;
      }
      const scale = 2 ** level;
      return {
        distinct: size * scale,
        repeats: repeats * scale,
        contradictions: contradictions * scale,
        sampledShare: 1 / scale,
      };
    },
  };
}

function isSampled(high: number, level: number): boolean {
  return (high & (2 ** level - 1)) === 0;
}

function emptyTable(capacity: number) {
  return {
    used: new Uint8Array(capacity),
    high: new Uint32Array(capacity),
    low: new Uint32Array(capacity),
    first: new Uint32Array(capacity),
    second: new Uint32Array(capacity),
  };
}
