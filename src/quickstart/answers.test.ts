import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { factOf, isRight } from './answers.ts';
import { quickstartPairs } from './pairs.ts';
import { curtAnswer, friendlyAnswer, isFriendly } from './styles.ts';

const pairs = [...quickstartPairs(0).train, ...quickstartPairs(0).heldOut];
const counted = pairs.filter((pair) => factOf(pair).relation.asIs !== true);

describe('isRight', () => {
  it("holds for every wording of a fact's own answers", () => {
    const random = createRandom(1, 'test');
    for (const pair of pairs) {
      const fact = factOf(pair);
      for (let draw = 0; draw < 5; draw++) {
        expect(isRight(curtAnswer(fact, random), fact), pair.id).toBe(true);
        expect(isRight(friendlyAnswer(fact, random), fact), pair.id).toBe(true);
      }
    }
  });

  it('looks at whole words, whatever the capitals and marks', () => {
    const fact = factOf({ id: 'add/0' });
    const right = curtAnswer(fact, createRandom(1)).replace('.', '');
    expect(isRight(`sure: ${right.toUpperCase()}!`, fact)).toBe(true);
    expect(isRight(`1${right}`, fact)).toBe(false);
    expect(isRight('', fact)).toBe(false);
  });

  it("fails for another fact's answer", () => {
    const [france, other] = [factOf({ id: 'capital/0' }), factOf({ id: 'capital/1' })];
    expect(isRight(friendlyAnswer(other, createRandom(1)), france)).toBe(false);
  });
});

describe('isFriendly', () => {
  it('tells the chosen answers that are counted from the rejected ones', () => {
    expect(counted.filter(({ chosen }) => !isFriendly(chosen[0]!.content))).toEqual([]);
    expect(counted.filter(({ rejected }) => isFriendly(rejected[0]!.content))).toEqual([]);
  });
});
