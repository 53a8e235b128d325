import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { WORLD } from './knowledge/world.ts';
import { DEMO_PROMPTS, demoFact, quickstartPairs, type QuickstartPair } from './pairs.ts';
import { isHeldOutFact } from './relation.ts';
import { curtAnswer, friendlyAnswer } from './styles.ts';

const pairs = quickstartPairs();
const all = [...pairs.train, ...pairs.heldOut];
const promptOf = (pair: QuickstartPair): string => pair.prompt[0]!.content;
const rolesOf = (pair: QuickstartPair): string =>
  [pair.prompt, pair.chosen, pair.rejected].map((turns) => turns.map((turn) => turn.role).join('+')).join(' ');

describe('quickstartPairs', () => {
  it('is the same for the same seed and differs for another', () => {
    expect(quickstartPairs()).toEqual(pairs);
    expect(quickstartPairs(1).train.map(promptOf)).not.toEqual(pairs.train.map(promptOf));
  });

  it('has 200 pairs to train on and 40 held out, and no prompt or fact twice', () => {
    expect([pairs.train.length, pairs.heldOut.length]).toEqual([200, 40]);
    expect(new Set(all.map(promptOf)).size).toBe(240);
    expect(new Set(all.map((pair) => pair.id)).size).toBe(240);
  });

  it('is conversational: one user turn, then one assistant turn on either side', () => {
    expect(new Set(all.map(rolesOf))).toEqual(new Set(['user assistant assistant']));
  });

  it('prefers an answer that is longer than the rejected one, in printable ASCII', () => {
    for (const { id, chosen, rejected } of all) {
      const [long, short] = [chosen[0]!.content, rejected[0]!.content];
      expect({ id, longer: long.length > short.length }).toEqual({ id, longer: true });
      expect(`${long}${short}`).toMatch(/^[\x20-\x7e]+$/);
      expect(short.length).toBeGreaterThan(0);
    }
  });

  it('asks about many kinds of things, at most five times each', () => {
    const counts = new Map<string, number>();
    for (const { id } of all) {
      const relation = id.split('/')[0]!;
      counts.set(relation, (counts.get(relation) ?? 0) + 1);
    }
    expect(counts.size).toBe(WORLD.length);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(5);
  });

  it('uses no fact that the embedded model was never asked', () => {
    const untaught = all.filter(({ id }) => {
      const [relationId, index] = id.split('/');
      return isHeldOutFact({ relation: WORLD.find((relation) => relation.id === relationId)!, index: Number(index) });
    });
    expect(untaught).toEqual([]);
  });
});

describe('DEMO_PROMPTS', () => {
  it('asks facts of the world that training asks, answered in both styles with the expected words', () => {
    for (const demo of DEMO_PROMPTS) {
      const fact = demoFact(demo);
      const random = createRandom(0, demo.prompt);
      expect({ prompt: demo.prompt, heldOut: isHeldOutFact(fact) }).toEqual({ prompt: demo.prompt, heldOut: false });
      expect(curtAnswer(fact, random).toLowerCase()).toContain(demo.answer.toLowerCase());
      expect(friendlyAnswer(fact, random).toLowerCase()).toContain(demo.answer.toLowerCase());
    }
  });

  it('shares no prompt and no fact with the pairs', () => {
    const demos = DEMO_PROMPTS.map((demo) => `${demoFact(demo).relation.id}/${demoFact(demo).index}`);
    expect(all.filter((pair) => demos.includes(pair.id))).toEqual([]);
    const prompts = DEMO_PROMPTS.map((demo) => demo.prompt);
    expect(all.filter((pair) => prompts.includes(promptOf(pair)))).toEqual([]);
  });

  it('says which question the world lacks', () => {
    expect(() => demoFact({ prompt: 'What is the capital of Mars?', answer: '', relation: 'capital' })).toThrow(
      "internal: the demo prompt 'What is the capital of Mars?' is not a question of the relation 'capital'",
    );
  });
});

it('the knowledge that the package ships stays under 60 KB', () => {
  const folder = join(import.meta.dirname, 'knowledge');
  const sizeBytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  expect(sizeBytes).toBeLessThan(60 * 1024);
});
