/** The tokens that stay inside a terminal, and the nodes of the tree at which it may have ended. */
export interface InsideMask {
  /** Bits of ids; undefined where `ids` has them because they are few. */
  readonly bits: Uint32Array | undefined;
  readonly ids: Int32Array;
  /** Nodes at which the terminal accepts, in preorder. */
  readonly exits: Int32Array;
}

/** Masks by what decides them, the least recently used forgotten first. */
export interface MaskCache {
  /** By the key of a terminal's place: shared by all grammars. */
  readonly inside: BoundedMap<string, InsideMask>;
  /** By the id of a machine's state. */
  readonly whole: BoundedMap<number, Uint32Array>;
}

export interface BoundedMap<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V, bytes: number): void;
}

/** Each of the two kinds of masks keeps at most this many bytes. */
const MAX_BYTES = 32 * 2 ** 20;
/** What a mask costs beside its bits: array, buffer, entry. Of a vocabulary of 2,048 the bits are 256 bytes, and a third of the whole. */
const ENTRY_BYTES = 512;

export function createMaskCache(): MaskCache {
  return { inside: createBoundedMap(MAX_BYTES, ENTRY_BYTES), whole: createBoundedMap(MAX_BYTES, ENTRY_BYTES) };
}

/** A map that holds values of at most `maxBytes` together, each of which costs `entryBytes` more than it says. */
export function createBoundedMap<K, V>(maxBytes: number, entryBytes = 0): BoundedMap<K, V> {
  // A Map keeps the order in which keys were set: the first is the least recently used.
  const entries = new Map<K, { readonly value: V; readonly bytes: number }>();
  let total = 0;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, ownBytes) {
      const bytes = ownBytes + entryBytes;
      total += bytes - (entries.get(key)?.bytes ?? 0);
      entries.delete(key);
      entries.set(key, { value, bytes });
      for (const [oldest, entry] of entries) {
        if (total <= maxBytes || oldest === key) break;
        entries.delete(oldest);
        total -= entry.bytes;
      }
    },
  };
}
