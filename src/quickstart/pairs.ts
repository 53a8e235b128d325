import { createRandom, internal, permutation, type Random } from '../core/index.ts';
import { WORLD } from './knowledge/world.ts';
import { askFact, isHeldOutFact, trainedPhrasings, type Fact, type Relation } from './relation.ts';
import { curtAnswer, friendlyAnswer, pick } from './styles.ts';

/** One turn, as the data formats know it. */
export interface QuickstartMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** A preference row in the conversational form: chosen is friendly and complete, rejected is curt; both are right. */
export interface QuickstartPair {
  readonly id: string;
  readonly prompt: readonly QuickstartMessage[];
  readonly chosen: readonly QuickstartMessage[];
  readonly rejected: readonly QuickstartMessage[];
}

export interface QuickstartPairs {
  readonly train: readonly QuickstartPair[];
  /** No prompt, and no fact, of these is in `train`. */
  readonly heldOut: readonly QuickstartPair[];
}

export const TRAIN_PAIRS = 200;
export const HELD_OUT_PAIRS = 40;
/** No relation gives more pairs than this, so that the pairs are about many things. */
const MAX_PAIRS_OF_A_RELATION = 5;

/** A question that the quickstart asks before and after training, and the word that its answer must hold. */
export interface DemoPrompt {
  readonly prompt: string;
  readonly answer: string;
  /** The fact asked for: relation id and the row's position is found by the question itself. */
  readonly relation: string;
}

/** None of their facts is in a pair. */
export const DEMO_PROMPTS: readonly DemoPrompt[] = [
  { prompt: 'What is the capital of France?', answer: 'Paris', relation: 'capital' },
  { prompt: 'What sound does a cow make?', answer: 'moo', relation: 'sound' },
  { prompt: 'How do I make tea?', answer: 'water', relation: 'recipe' },
  { prompt: 'What is 7 plus 5?', answer: '12', relation: 'add' },
  { prompt: 'What is the opposite of hot?', answer: 'cold', relation: 'opposite' },
  { prompt: 'What is an umbrella for?', answer: 'stay dry', relation: 'use' },
];

/** The fact that a demo prompt asks for. Throws internal when the world does not hold the question. */
export function demoFact({ prompt, relation }: DemoPrompt): Fact {
  const found = WORLD.find((candidate) => candidate.id === relation);
  const index = found?.rows.findIndex((_, row) =>
    trainedPhrasings(found).some((phrasing) => askFact({ relation: found, index: row }, phrasing) === prompt),
  );
  if (found === undefined || index === undefined || index < 0) {
    throw internal(`the demo prompt '${prompt}' is not a question of the relation '${relation}'`);
  }
  return { relation: found, index };
}

/**
 * The quickstart's preference pairs: 200 to train on and 40 held out, one per fact, about as many from every relation of the
 * world. The same seed gives the same pairs on every machine. Demo facts and facts that the embedded model was never asked
 * are left out.
 *
 * @example
 * ```ts run
 * import { quickstartPairs } from 'preftune/quickstart';
 *
 * const { train, heldOut } = quickstartPairs(0);
 * console.log(train.length, heldOut.length); // 200 40
 * ```
 */
export function quickstartPairs(seed = 0): QuickstartPairs {
  const random = createRandom(seed, 'quickstart pairs');
  const facts = drawFacts(TRAIN_PAIRS + HELD_OUT_PAIRS, random);
  const pairs = facts.map((fact) => pairOf(fact, random));
  return { train: pairs.slice(0, TRAIN_PAIRS), heldOut: pairs.slice(TRAIN_PAIRS) };
}

/** `count` facts in random order: every relation gives one before any gives a second, and so on in rounds. */
function drawFacts(count: number, random: Random): Fact[] {
  const demos = DEMO_PROMPTS.map(demoFact);
  const isDemo = (fact: Fact): boolean =>
    demos.some((demo) => demo.relation === fact.relation && demo.index === fact.index);
  const eligible = (relation: Relation): Fact[] =>
    [...permutation(relation.rows.length, random)]
      .map((index) => ({ relation, index }))
      .filter((fact) => !isDemo(fact) && !isHeldOutFact(fact))
      .slice(0, MAX_PAIRS_OF_A_RELATION);
  const byRelation = WORLD.map(eligible);
  const facts: Fact[] = [];
  for (let round = 0; round < MAX_PAIRS_OF_A_RELATION; round++) {
    for (const candidates of byRelation) {
      const fact = candidates[round];
      if (fact !== undefined) facts.push(fact);
    }
  }
  if (facts.length < count) throw internal(`the quickstart needs ${count} facts, the world offers ${facts.length}`);
  const chosen = facts.slice(0, count);
  return [...permutation(count, random)].map((index) => chosen[index]!);
}

function pairOf(fact: Fact, random: Random): QuickstartPair {
  const question = askFact(fact, pick(trainedPhrasings(fact.relation), random));
  return {
    id: `${fact.relation.id}/${fact.index}`,
    prompt: [{ role: 'user', content: question }],
    chosen: [{ role: 'assistant', content: friendlyAnswer(fact, random) }],
    rejected: [{ role: 'assistant', content: curtAnswer(fact, random) }],
  };
}
