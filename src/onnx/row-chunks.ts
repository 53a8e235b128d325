import type { Dim } from '../graph/index.ts';
import type { Emitter } from './emitter.ts';

/** Rows cut into equal chunks, for an ONNX Scan. */
export interface RowChunks {
  /** [chunks, rows of a chunk, width] */
  readonly stacked: string;
  /** From [chunks, rows of a chunk, ...tail] back to [rows, ...tail]. */
  join(value: string, tail: readonly Dim[]): string;
}

interface ChunkCounts {
  readonly count: string;
  readonly size: string;
  /** Rows of zeros that fill the last chunk: fewer than there are chunks. undefined when there are none. */
  readonly padding: string | undefined;
}

/** The fewest chunks of at most `most` rows, or up to twice as many when that divides the rows exactly. */
function knownCounts(rows: number, most: number): { count: number; size: number } {
  const least = Math.max(1, Math.ceil(rows / most));
  for (let count = least; count <= 2 * least; count++) {
    if (rows % count === 0) return { count, size: rows / count };
  }
  return { count: least, size: Math.ceil(rows / least) };
}

function chunkCounts(emitter: Emitter, rows: Dim, most: number): ChunkCounts {
  const { emit, int64s } = emitter;
  if (typeof rows === 'number') {
    const { count, size } = knownCounts(rows, most);
    const padding = count * size - rows;
    return {
      count: int64s([count]),
      size: int64s([size]),
      padding: padding === 0 ? undefined : int64s([0, padding]),
    };
  }
  const length = emitter.dim(rows);
  const roundedUp = (a: string, b: string): string => emit('Div', [emit('Sub', [emit('Add', [a, b]), int64s([1])]), b]);
  const key = `chunks ${rows} ${most}`;
  const count = emitter.once(`${key} count`, () => emit('Max', [roundedUp(length, int64s([most])), int64s([1])]));
  const size = emitter.once(`${key} size`, () => roundedUp(length, count));
  const padding = emitter.once(`${key} padding`, () => {
    const missing = emit('Sub', [emit('Mul', [count, size]), length]);
    return emit('Concat', [int64s([0]), missing], { attributes: { axis: { int: 0 } } });
  });
  return { count, size, padding };
}

/**
 * Cuts `value` [rows, width] into chunks of at most `most` rows. Chunks of a Scan must be equal, so the rows are shared
 * evenly and the last chunk is filled with zeros: fewer rows are wasted than there are chunks.
 */
export function chunkRowsOf(
  emitter: Emitter,
  value: string,
  { rows, width, most }: { rows: Dim; width: Dim; most: number },
): RowChunks {
  const { emit, int64s } = emitter;
  const { count, size, padding } = chunkCounts(emitter, rows, most);
  const vector = (parts: readonly string[]): string => emit('Concat', parts, { attributes: { axis: { int: 0 } } });
  const full = padding === undefined ? value : emit('Pad', [value, padding, emitter.float(0), int64s([0])]);
  return {
    stacked: emit('Reshape', [full, vector([count, size, emitter.dim(width)])], {
      attributes: { allowzero: { int: 1 } },
    }),
    join(stacked, tail) {
      const together = vector([emit('Mul', [count, size]), ...tail.map(emitter.dim)]);
      const flat = emit('Reshape', [stacked, together], { attributes: { allowzero: { int: 1 } } });
      if (padding === undefined) return flat;
      return emit('Slice', [flat, int64s([0]), emitter.dim(rows), int64s([0])]);
    },
  };
}
