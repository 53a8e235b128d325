/** What of an answer may come next, token by token. It belongs to one answer and goes forward only. */
export interface TokenConstraint {
  /**
   * The ids that may come now: bit `id % 32` of word `id >> 5`; undefined where every id may. Ids that end the answer are in it where the text may end here. The
   * array is read before the next call and may be the constraint's own. Throws run-failed where nothing may come: that is a fault of the constraint.
   */
  allowed(): Uint32Array | undefined;
  /** Says that the id has come. Throws internal for one that was not allowed. */
  accept(id: number): void;
  /** Whether the text is complete here, so that an answer that was cut is still whole. */
  readonly isComplete: boolean;
}
