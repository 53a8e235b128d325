import {
  askFact,
  curtAnswer,
  factRow,
  fillTemplate,
  isHeldOutFact,
  pick,
  trainedPhrasings,
  type Fact,
  type Relation,
} from '../../src/quickstart/index.ts';
import type { Random } from '../../src/core/index.ts';
import { NAMES } from './knowledge/how-to.ts';
import { randomSubject, writeStory } from './stories.ts';
import { FULL_WORLD } from './world.ts';

/** Their answers speak of what only the question said. */
const NEED_A_QUESTION = /^(?:gets-more|gives-away|say-word)$|-(?:yes|no)$/;

/** Relations whose whole sentences make sense without a question. */
const TELLING = FULL_WORLD.filter((relation) => relation.asIs !== true && !NEED_A_QUESTION.test(relation.id));

/** Facts by the name of what they tell about: the values of the first two columns of their row. */
const BY_SUBJECT: readonly (readonly Fact[])[] = (() => {
  const groups = new Map<string, Fact[]>();
  for (const relation of TELLING) {
    relation.rows.forEach((row, index) => {
      for (const name of Object.values(row).slice(0, 2)) {
        const group = groups.get(name) ?? [];
        group.push({ relation, index });
        groups.set(name, group);
      }
    });
  }
  return [...groups.values()].filter((group) => new Set(group.map((fact) => fact.relation)).size >= 3);
})();

function tell(fact: Fact, random: Random): string {
  return fillTemplate(pick(fact.relation.full, random), factRow(fact));
}

/** `count` of `items` without repetition, in random order. */
function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  const rest = [...items];
  const taken: T[] = [];
  while (taken.length < count && rest.length > 0) taken.push(rest.splice(random.nextInt(rest.length), 1)[0]!);
  return taken;
}

function anyFact(relation: Relation, random: Random): Fact {
  return { relation, index: random.nextInt(relation.rows.length) };
}

/** A relation in proportion to its number of facts, none counted more than 60 times. */
function anyTelling(random: Random): Relation {
  const weights = TELLING.map((relation) => Math.min(60, relation.rows.length));
  let draw = random.nextInt(weights.reduce((sum, weight) => sum + weight, 0));
  return TELLING[weights.findIndex((weight) => (draw -= weight) < 0)]!;
}

/** Three to six facts of one relation: `The capital of France is Paris. The capital of Japan is Tokyo.` */
function listDocument(random: Random): string {
  const relation = anyTelling(random);
  const rows = sample([...relation.rows.keys()], 3 + random.nextInt(4), random);
  return rows.map((index) => tell({ relation, index }, random)).join(' ');
}

/** Three to six facts about one thing. */
function subjectDocument(random: Random): string {
  const facts = sample(pick(BY_SUBJECT, random), 3 + random.nextInt(4), random);
  return [...new Set(facts.map((fact) => tell(fact, random)))].join(' ');
}

/** Two to four facts about anything. */
function mixedDocument(random: Random): string {
  return Array.from({ length: 2 + random.nextInt(3) }, () => tell(anyFact(anyTelling(random), random), random)).join(
    ' ',
  );
}

/** Two people who talk about facts that training may ask. */
function dialogueDocument(random: Random): string {
  const [asker, other] = sample(NAMES, 2, random);
  const lines: string[] = [];
  for (let turn = 0; turn < 1 + random.nextInt(3); turn++) {
    const fact = anyFact(anyTelling(random), random);
    if (isHeldOutFact(fact)) continue;
    const question = askFact(fact, pick(trainedPhrasings(fact.relation), random));
    const answer = random.nextInt(2) === 0 ? curtAnswer(fact, random) : tell(fact, random);
    lines.push(`${asker} asked, "${question}" ${other} said, "${answer}"`);
  }
  return lines.length > 0 ? lines.join(' ') : mixedDocument(random);
}

const KINDS_OF_DOCUMENT = [
  { share: 30, write: listDocument },
  { share: 30, write: subjectDocument },
  { share: 12, write: mixedDocument },
  { share: 10, write: dialogueDocument },
  { share: 18, write: (random: Random): string => writeStory(randomSubject(random), random) },
];

/** One document of plain text for pre-training: facts as prose, people who talk, or a story. */
export function proseDocument(random: Random): string {
  let draw = random.nextInt(100);
  return KINDS_OF_DOCUMENT.find(({ share }) => (draw -= share) < 0)!.write(random);
}
