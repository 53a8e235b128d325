import type { DimHints } from '../passes/index.ts';

/** Typical sizes of a micro-batch, for choosing between equal expressions and for the memory estimate. */
export function hintsFor(microBatchTokens: number, meanLength: number): DimHints {
  const rows = Math.max(1, Math.round(microBatchTokens / Math.max(1, meanLength)));
  const scored = Math.ceil(microBatchTokens * 0.6);
  return { T: microBatchTokens, U: scored, C: scored, R: rows };
}
