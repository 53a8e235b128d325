import { expect, it } from 'vitest';
import { int32Tensor } from '../core/index.ts';
import { stepLayout } from './step-layout.ts';

it('places new tokens of rows in their query slots and cache slots', () => {
  // Row 2 reads two tokens at positions 1 and 2, row 0 one at position 3; row 1 rests. Two key/value heads.
  const layout = stepLayout(
    [
      { row: 2, start: 1, ids: [50, 51] },
      { row: 0, start: 3, ids: [60] },
    ],
    { rows: 3, keyValueHeads: 2 },
  );
  expect(layout).toEqual({
    tokens: int32Tensor([3], [50, 51, 60]),
    positions: int32Tensor([3], [1, 2, 3]),
    gatherIndex: int32Tensor([3, 2], [2, -1, -1, -1, 0, 1]),
    scatterIndex: int32Tensor([3], [4, 5, 0]),
    slotPositions: int32Tensor([3, 2], [3, -1, -1, -1, 1, 2]),
    cachePlaces: int32Tensor([3, 2, 3], [2, 0, 1, 2, 1, 1, 2, 0, 2, 2, 1, 2, 0, 0, 3, 0, 1, 3]),
    last: int32Tensor([2], [1, 2]),
  });
});
