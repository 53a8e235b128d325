/**
 * The tokens of a vocabulary by their bytes, as a tree in preorder: a node's subtree are the nodes up to `end`, so that a walk is one loop over arrays and
 * leaves out what cannot follow by one jump.
 */
export interface TokenTrie {
  /** The last byte on the way to a node. Node 0 is the root, whose byte means nothing. */
  readonly byte: Uint8Array;
  /** The node behind a node's subtree. */
  readonly end: Int32Array;
  /** Number of bytes on the way to a node. */
  readonly depth: Uint16Array;
  /** The ids of node i are `ids[firstId[i] .. firstId[i + 1])`; several ids may have the same bytes. */
  readonly firstId: Int32Array;
  readonly ids: Int32Array;
  /** The longest token, in bytes. */
  readonly maxBytes: number;
}

/** Tokens longer than this are left out: no text needs them, and a node's depth has 16 bits. */
const MAX_TOKEN_BYTES = 4096;

/** The tree of those ids that have bytes. */
export function createTrie(tokens: readonly (Uint8Array | undefined)[]): TokenTrie {
  const ids: number[] = [];
  tokens.forEach((bytes, id) => {
    if (bytes !== undefined && bytes.length > 0 && bytes.length <= MAX_TOKEN_BYTES) ids.push(id);
  });
  ids.sort((a, b) => compareBytes(tokens[a]!, tokens[b]!) || a - b);

  const byte: number[] = [0];
  const depth: number[] = [0];
  const firstId: number[] = [0];
  const end: number[] = [0];
  const path: number[] = [0];
  let previous: Uint8Array = new Uint8Array(0);
  let maxBytes = 0;
  ids.forEach((id, index) => {
    const bytes = tokens[id]!;
    maxBytes = Math.max(maxBytes, bytes.length);
    let shared = 0;
    while (shared < previous.length && shared < bytes.length && previous[shared] === bytes[shared]) shared++;
    while (path.length > shared + 1) end[path.pop()!] = byte.length;
    for (let i = shared; i < bytes.length; i++) {
      path.push(byte.length);
      byte.push(bytes[i]!);
      depth.push(i + 1);
      firstId.push(index);
      end.push(0);
    }
    previous = bytes;
  });
  while (path.length > 0) end[path.pop()!] = byte.length;
  firstId.push(ids.length);
  return {
    byte: Uint8Array.from(byte),
    end: Int32Array.from(end),
    depth: Uint16Array.from(depth),
    firstId: Int32Array.from(firstId),
    ids: Int32Array.from(ids),
    maxBytes,
  };
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
