import { describe, expect, it } from 'vitest';
import { adjustScores, type ScoreChanges, type TokenHistory } from './adjust-scores.ts';

/** The scores 3, 2, 1, 0, -1 after the changes; they must be as they were once that is undone. */
function adjusted(changes: ScoreChanges, history: TokenHistory): number[] {
  const scores = Float32Array.of(3, 2, 1, 0, -1);
  const restore = adjustScores(scores, changes, history);
  const changed = [...scores];
  restore();
  expect([...scores]).toEqual([3, 2, 1, 0, -1]);
  return changed;
}

const generated = new Map([
  [0, 3],
  [4, 1],
]);

describe('changes of scores, by hand', () => {
  it('take the presence penalty off once, and the frequency penalty for every time; below 0 they add', () => {
    expect(adjusted({ presencePenalty: 1.5 }, { generated })).toEqual([1.5, 2, 1, 0, -2.5]);
    expect(adjusted({ frequencyPenalty: 0.5 }, { generated })).toEqual([1.5, 2, 1, 0, -1.5]);
    expect(adjusted({ presencePenalty: 1, frequencyPenalty: 0.5 }, { generated })).toEqual([0.5, 2, 1, 0, -2.5]);
    expect(adjusted({ presencePenalty: -2, frequencyPenalty: -1 }, { generated })).toEqual([8, 2, 1, 0, 2]);
  });

  it('count what came in the answer, not what stood in the prompt; the repetition penalty counts both', () => {
    const history = { seen: new Set([1, 3, 4]), generated: new Map() };
    expect(adjusted({ presencePenalty: 2, frequencyPenalty: 2 }, history)).toEqual([3, 2, 1, 0, -1]);
    expect(adjusted({ repetitionPenalty: 2 }, history)).toEqual([3, 1, 1, 0, -2]);
  });

  it('add a bias to what is left', () => {
    const logitBias = new Map([
      [0, -100],
      [4, 5],
    ]);
    expect(adjusted({ logitBias }, {})).toEqual([-97, 2, 1, 0, 4]);
    // Id 4: -1 times 2, less 0.5 + 1 times 0.25, and 5 more; id 0: 3 by 2, less 0.5 + 3 times 0.25, less 100.
    const all = { repetitionPenalty: 2, presencePenalty: 0.5, frequencyPenalty: 0.25, logitBias };
    expect(adjusted(all, { seen: new Set([0, 4]), generated })).toEqual([-99.75, 2, 1, 0, 2.25]);
  });
});
