/**
 * Which neighbouring symbols join, in what order, and into what. Symbols are token ids; a table is built once per
 * vocabulary, from a list of merges (byte-pair encoding) or from scores (SentencePiece).
 */
export interface MergeTable {
  /** left * stride + right -> an index into `ranks` and `results`. */
  readonly pairs: ReadonlyMap<number, number>;
  readonly stride: number;
  /** The lower joins first; ties join from left to right. Below 2^21. */
  readonly ranks: Int32Array;
  /** The id that the pair becomes. */
  readonly results: Int32Array;
}

/** A pair in the order of the list that made the table. */
export interface Merge {
  readonly left: number;
  readonly right: number;
  readonly rank: number;
  readonly result: number;
}

/** A table over `merges`, whose ids lie in [0, stride). Of two merges of the same pair the later one counts, as in Hugging Face's tokenizers. */
export function createMergeTable(merges: readonly Merge[], stride: number): MergeTable {
  const pairs = new Map<number, number>();
  merges.forEach((merge, index) => pairs.set(merge.left * stride + merge.right, index));
  return {
    pairs,
    stride,
    ranks: Int32Array.from(merges, (merge) => merge.rank),
    results: Int32Array.from(merges, (merge) => merge.result),
  };
}

/** A heap entry is one number, rank * 2^32 + position: it sorts by rank, then from left to right, and fits a double exactly. */
const POSITION_SPAN = 2 ** 32;

/**
 * The symbols after every merge of the table has been applied, lowest rank first and leftmost first among equals.
 *
 * A negative symbol joins nothing and is passed through. O(n log n): a binary heap holds one entry for each pair that ever
 * was neighbours; an entry whose pair has changed since is recognised by its rank and dropped.
 */
export function applyMerges(symbols: readonly number[], table: MergeTable): number[] {
  const count = symbols.length;
  if (count < 2) return symbols.slice();
  const ids = Int32Array.from(symbols);
  const next = Int32Array.from({ length: count }, (_, index) => index + 1);
  const previous = Int32Array.from({ length: count }, (_, index) => index - 1);
  const merges = new Int32Array(count).fill(-1);
  const heap: number[] = [];

  const consider = (position: number): void => {
    const neighbour = next[position]!;
    const left = ids[position]!;
    const merge =
      neighbour < count && left >= 0 && ids[neighbour]! >= 0
        ? (table.pairs.get(left * table.stride + ids[neighbour]!) ?? -1)
        : -1;
    merges[position] = merge;
    if (merge >= 0) push(heap, table.ranks[merge]! * POSITION_SPAN + position);
  };

  for (let position = 0; position < count - 1; position++) consider(position);
  while (heap.length > 0) {
    const entry = pop(heap);
    const position = entry % POSITION_SPAN;
    const merge = merges[position]!;
    if (merge < 0 || table.ranks[merge]! !== (entry - position) / POSITION_SPAN) continue;
    const absorbed = next[position]!;
    ids[position] = table.results[merge]!;
    merges[absorbed] = -1;
    next[position] = next[absorbed]!;
    if (next[position]! < count) previous[next[position]!] = position;
    consider(position);
    if (previous[position]! >= 0) consider(previous[position]!);
  }

  const merged: number[] = [];
  for (let position = 0; position < count; position = next[position]!) merged.push(ids[position]!);
  return merged;
}

function push(heap: number[], value: number): void {
  let index = heap.push(value) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[index] = heap[parent]!;
    index = parent;
  }
  heap[index] = value;
}

function pop(heap: number[]): number {
  const top = heap[0]!;
  const value = heap.pop()!;
  const size = heap.length;
  if (size === 0) return top;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= value) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = value;
  return top;
}
