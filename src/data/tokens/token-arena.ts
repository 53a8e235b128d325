import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Rows of token lists in one growing array: a few bytes a row besides the tokens, whatever the number of rows. */
export interface TokenArena {
  readonly count: number;
  /** Appends a row of exactly `parts` lists. */
  push(id: string, lists: readonly Int32Array[]): void;
  /** Gives up what growth left over; nothing can be pushed afterwards. */
  finish(): FinishedArena;
}

export interface FinishedArena {
  readonly ids: readonly string[];
  /** All lists, one after the other. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** [rows * parts + 1] where each list starts in `tokens`. */
  readonly starts: Float64Array<ArrayBuffer>;
  /** SHA-256, hex, over ids, list lengths and tokens in order. */
  readonly fingerprint: string;
}

/** An arena whose rows have `parts` lists each. `kind` enters the fingerprint, so that other kinds of rows never share one. */
export function createTokenArena(parts: number, kind: string): TokenArena {
  const ids: string[] = [];
  const hash = sha256.create().update(utf8ToBytes(`preftune ${kind} ${parts}\n`));
  let tokens = new Int32Array(1 << 14);
  let starts = new Float64Array(1 << 10);
  let used = 0;
  let lists = 0;
  return {
    get count() {
      return ids.length;
    },
    push(id, row) {
      const header = new Int32Array(parts + 1);
      const idBytes = utf8ToBytes(id);
      header[0] = idBytes.length;
      row.forEach((list, index) => (header[index + 1] = list.length));
      hash.update(bytesOf(header)).update(idBytes);
      ids.push(id);
      for (const list of row) {
        tokens = grown(tokens, used + list.length, Int32Array);
        starts = grown(starts, lists + 2, Float64Array);
        tokens.set(list, used);
        used += list.length;
        starts[++lists] = used;
        hash.update(bytesOf(list));
      }
    },
    finish() {
      return {
        ids,
        tokens: tokens.slice(0, used),
        starts: starts.slice(0, lists + 1),
        fingerprint: bytesToHex(hash.digest()),
      };
    },
  };
}

function bytesOf(list: Int32Array): Uint8Array {
  return new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
}

function grown<T extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  array: T,
  needed: number,
  make: new (length: number) => T,
): T {
  if (needed <= array.length) return array;
  // Half as much again: doubling would hold up to three times the data while it copies.
  const larger = new make(Math.max(needed, Math.ceil(array.length * 1.5)));
  larger.set(array);
  return larger;
}
