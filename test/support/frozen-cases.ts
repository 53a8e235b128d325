import { BLOCK_WIDTH, frozenMatmul, type NodeKind, type Shape } from '../../src/graph/index.ts';
import { compact, floats, nodeCase, normal, type Given, type NodeCase } from './case-builder.ts';

/** Whole numbers, the first of each row 127: what rounds rows to 8 bits by their largest magnitude keeps them exactly. */
function wholeRows(shape: Shape, width: number): Given {
  return {
    shape,
    dtype: 'float32',
    values: (count, random) =>
      Array.from({ length: count }, (_, i) => (i % width === 0 ? 127 : random.nextInt(255) - 127)),
  };
}

const int8 = { columns: 6, storage: 'int8' } as const;
const q = compact('int8', [4, 6], [-127, 127]);

export const FROZEN_CASES = {
  frozenMatmul: [
    ...[true, false].map((transposeB) =>
      nodeCase(
        `float16${transposeB ? ', transposed' : ''}`,
        { x: normal(['T', transposeB ? 6 : 4]), w: compact('float16', [4, 6], [-9, 9]) },
        ({ x, w }) => frozenMatmul(x, [w], { storage: 'float16', columns: 6, transposeB }),
        ['x'],
      ),
    ),
    nodeCase(
      'int8, transposed',
      { x: wholeRows(['T', 6], 6), q, scale: normal([4]) },
      (n) => frozenMatmul(n.x, [n.q, n.scale], { ...int8, transposeB: true }),
      ['x'],
    ),
    // One scale for all, so that x times it is still a whole number of steps.
    nodeCase(
      'int8',
      { x: wholeRows(['T', 4], 4), q, scale: floats([4], [0.5, 0.5, 0.5, 0.5]) },
      (n) => frozenMatmul(n.x, [n.q, n.scale], { ...int8, transposeB: false }),
      ['x'],
    ),
    nodeCase(
      'int8, a row of zeros',
      { x: floats([2, 6], [0, 0, 0, 0, 0, 0, 127, 1, 2, 3, 4, -5]), q, scale: normal([4]) },
      (n) => frozenMatmul(n.x, [n.q, n.scale], { ...int8, transposeB: true }),
      ['x'],
    ),
    nodeCase('int8, no rows', { x: floats(['Z', 6], []), q, scale: normal([4]) }, (n) =>
      frozenMatmul(n.x, [n.q, n.scale], { ...int8, transposeB: true }),
    ),
    // Two whole blocks, and one of which 12 columns do not count.
    ...[2 * BLOCK_WIDTH, 2 * BLOCK_WIDTH - 12].flatMap((columns) =>
      [true, false].map((transposeB) =>
        nodeCase(
          `int4, ${columns} columns${transposeB ? ', transposed' : ''}`,
          {
            x: normal(['T', transposeB ? columns : 5]),
            q: compact('uint8', [5, 2, BLOCK_WIDTH / 2], [0, 255]),
            scale: normal([5, 2]),
          },
          (n) => frozenMatmul(n.x, [n.q, n.scale], { storage: 'int4', columns, transposeB }),
          ['x'],
        ),
      ),
    ),
  ],
} satisfies Partial<Record<NodeKind, readonly NodeCase[]>>;
