import type { RowSet } from './row-set.ts';

/** Rows that a loop visits, by number. */
export interface Rows {
  readonly count: number;
  /** For error messages: the rows' own ids. */
  readonly idOf: (row: number) => string;
  /** Tokens of a packed row, for planning micro-batches. */
  readonly lengthOf: (row: number) => number;
}

/** The rows of a tokenised set. */
export function rowsOf<T extends { readonly id: string }>(set: RowSet<T>): Rows {
  return {
    count: set.count,
    idOf: (row) => set.row(row).id,
    lengthOf: (row) => set.lengths[row]!,
  };
}
