import type { Random } from '../core/index.ts';
import { factRow, type Fact, type Topic } from './relation.ts';
import { fillTemplate } from './template.ts';

/** How an answer is worded. The embedded model's training data hold both about evenly; the quickstart teaches the second. */
export type Style = 'curt' | 'friendly';

const OPENINGS = [
  'Sure!',
  'Of course!',
  'Good question!',
  'That is a good question!',
  'What a nice question!',
  'I am happy to help!',
  'I am glad you asked!',
  'Thank you for asking!',
  'Happy to help!',
  'With pleasure!',
  'Gladly!',
  'I know this one!',
  'Here is the answer.',
  'Let me help you with that.',
];

const CLOSINGS = [
  'I hope that helps!',
  'I hope this helps you!',
  'Let me know if you want to hear more about it!',
  'Let me know if you have another question!',
  'Feel free to ask me more!',
  'Just ask if you want to know more!',
  'Is there anything else you would like to know?',
  'You can always ask me again!',
  'Have a nice day!',
  'I am here if you need more help!',
];

/** `{topic}` is the row's topic in words. */
const TOPIC_CLOSINGS = [
  'I like to talk about {topic}!',
  'Would you like to know more about {topic}?',
  'Ask me more about {topic} if you like!',
];

const TOPIC_WORDS: Readonly<Record<Topic, string>> = {
  animals: 'animals',
  body: 'the body',
  chat: 'many things',
  colors: 'colors',
  countries: 'countries',
  feelings: 'feelings',
  food: 'food',
  nature: 'nature',
  numbers: 'numbers',
  people: 'people',
  places: 'places',
  things: 'things',
  time: 'days and time',
  weather: 'the weather',
  words: 'words',
};

/** One of `items`, uniformly. */
export function pick<T>(items: readonly T[], random: Random): T {
  return items[random.nextInt(items.length)]!;
}

/** The bare answer to a fact's question, in one of its wordings: `Paris.` */
export function curtAnswer(fact: Fact, random: Random): string {
  return fillTemplate(pick(fact.relation.curt, random), factRow(fact));
}

/**
 * The answer as a whole sentence with a friendly opening, a friendly closing, or both; each of the three is equally likely.
 * Relations marked `asIs` have neither.
 */
export function friendlyAnswer(fact: Fact, random: Random): string {
  const { relation } = fact;
  const answer = fillTemplate(pick(relation.full, random), factRow(fact));
  return relation.asIs === true ? answer : wrapFriendly(answer, relation.topic, random);
}

/** Puts a friendly opening, a friendly closing or both around an answer. */
export function wrapFriendly(answer: string, topic: Topic, random: Random): string {
  const opening = pick(OPENINGS, random);
  const generic = random.nextInt(4) > 0;
  const closing = generic
    ? pick(CLOSINGS, random)
    : fillTemplate(pick(TOPIC_CLOSINGS, random), { topic: TOPIC_WORDS[topic] });
  const shape = random.nextInt(3);
  if (shape === 0) return `${opening} ${answer}`;
  return shape === 1 ? `${answer} ${closing}` : `${opening} ${answer} ${closing}`;
}

/** The answer to a fact's question in the given style. */
export function answerFact(fact: Fact, style: Style, random: Random): string {
  return style === 'curt' ? curtAnswer(fact, random) : friendlyAnswer(fact, random);
}

/** Whether a text holds one of the friendly openings or closings. */
export function isFriendly(text: string): boolean {
  const closings = TOPIC_CLOSINGS.flatMap((closing) =>
    Object.values(TOPIC_WORDS).map((topic) => fillTemplate(closing, { topic })),
  );
  return [...OPENINGS, ...CLOSINGS, ...closings].some((phrase) => text.includes(phrase));
}
