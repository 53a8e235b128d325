import {
  answerFact,
  askFact,
  factRow,
  fillTemplate,
  friendlyAnswer,
  isHeldOutFact,
  pick,
  trainedPhrasings,
  wrapFriendly,
  type Fact,
  type Relation,
  type Style,
} from '../../src/quickstart/index.ts';
import { internal, type Random } from '../../src/core/index.ts';
import { NAMES } from './knowledge/how-to.ts';
import { randomSubject, writeStory } from './stories.ts';
import { UNKNOWN_RELATION, unknownQuestion } from './unknown.ts';
import { varyQuestion } from './variations.ts';
import { FULL_WORLD } from './world.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** One supervised example: the completion is a single assistant turn. */
export interface SftRow {
  readonly id: string;
  readonly prompt: readonly ChatMessage[];
  readonly completion: readonly ChatMessage[];
}

/** A question and its answer, before any turns around them. */
export interface Exchange {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
}

const SYSTEM_MESSAGES = {
  any: ['You are a helpful assistant.', 'You answer simple questions.', 'You are a small language model.'],
  curt: ['Answer in a few words.', 'Be brief.', 'Give short answers.'],
  friendly: ['Be friendly.', 'You are a friendly assistant.', 'Give friendly and complete answers.'],
} as const;

function turns({ question, answer }: Exchange): ChatMessage[] {
  return [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ];
}

function namedRelation(id: string): Relation {
  const found = FULL_WORLD.find((relation) => relation.id === id);
  if (found === undefined) throw internal(`the world has no relation '${id}'`);
  return found;
}

/** The facts that training may ask. */
export function trainedFacts(relation: Relation): Fact[] {
  return relation.rows.map((_, index) => ({ relation, index })).filter((fact) => !isHeldOutFact(fact));
}

/** The fact asked in one of its trained phrasings, as people may write it, and answered. */
export function factExchange(fact: Fact, style: Style, random: Random): Exchange {
  const question = askFact(fact, pick(trainedPhrasings(fact.relation), random));
  return {
    id: `${fact.relation.id}/${fact.index}`,
    question: fact.relation.asIs === true ? question : varyQuestion(question, random),
    answer: answerFact(fact, style, random),
  };
}

const STORY_REQUESTS = [
  'Tell me a story about {kind|a}.',
  'Tell me a story about {kind|a} named {hero}.',
  'Can you tell me a story about {kind|a} called {hero}?',
];
const FREE_STORY_REQUESTS = ['Tell me a story.', 'Can you tell me a story?', 'I want to hear a story.'];
const STORY_OPENINGS = [
  'Sure! Here is a story.',
  'I would love to!',
  'Of course! Here is a story for you.',
  'Here is a nice story.',
];
const STORY_CLOSINGS = [
  'The end. I hope you liked it!',
  'The end. Would you like to hear another one?',
  'I hope you like the story!',
];

function storyExchange(style: Style, random: Random): Exchange {
  const subject = randomSubject(random);
  const requests = random.nextInt(4) === 0 ? FREE_STORY_REQUESTS : STORY_REQUESTS;
  const story = writeStory(subject, random, style === 'curt');
  return {
    id: 'story',
    question: fillTemplate(pick(requests, random), { ...subject }),
    answer: style === 'curt' ? story : `${pick(STORY_OPENINGS, random)} ${story} ${pick(STORY_CLOSINGS, random)}`,
  };
}

function unknownExchange(style: Style, random: Random): Exchange {
  const answer = answerFact({ relation: UNKNOWN_RELATION, index: 0 }, style, random);
  return { id: 'made-up', question: varyQuestion(unknownQuestion(random), random), answer };
}

/** Someone says a name and later asks for it: the answer stands in the conversation only. */
function nameConversation(style: Style, random: Random): SftRow {
  const names = namedRelation('name-is');
  const index = random.nextInt(names.rows.length);
  const first = factExchange({ relation: names, index }, style, random);
  const name = NAMES[index]!;
  const question = pick(['What is my name?', 'Do you know my name?', 'Tell me my name.', 'Who am I?'], random);
  const answer = style === 'curt' ? `${name}.` : wrapFriendly(`Your name is ${name}.`, 'people', random);
  const between = random.nextInt(2) === 0 ? turns(anyExchange(style, random)) : [];
  return {
    id: 'my-name',
    prompt: [...turns(first), ...between, { role: 'user', content: question }],
    completion: [{ role: 'assistant', content: answer }],
  };
}

/** A question, and the same kind of question again in a few words: `And of Japan?` */
function followConversation(style: Style, random: Random): SftRow {
  const relation = pick(FOLLOWED, random);
  const facts = trainedFacts(relation);
  const first = pick(facts, random);
  const second = pick(
    facts.filter((fact) => fact.index !== first.index),
    random,
  );
  const question = fillTemplate(pick(relation.follow!, random), factRow(second));
  return {
    id: `follow/${relation.id}/${second.index}`,
    prompt: [...turns(factExchange(first, style, random)), { role: 'user', content: question }],
    completion: [{ role: 'assistant', content: answerFact(second, style, random) }],
  };
}

const FOLLOWED = FULL_WORLD.filter((relation) => relation.follow !== undefined);
const SMALL_TALK = ['hello', 'good-morning', 'how-are-you', 'help', 'question-please', 'name-is'];
const FAREWELLS = ['thanks', 'bye', 'good-night', 'praise', 'wrong'];

/** Small talk, then a question; or a question, then thanks or a farewell; or two or three questions in a row. */
function mixedConversation(style: Style, random: Random): SftRow {
  const kind = random.nextInt(3);
  const talk = (ids: readonly string[]): Exchange =>
    factExchange(pick(trainedFacts(namedRelation(pick(ids, random))), random), style, random);
  const first = kind === 0 ? talk(SMALL_TALK) : anyExchange(style, random);
  const last = kind === 1 ? talk(FAREWELLS) : anyExchange(style, random);
  const between = random.nextInt(3) === 0 ? turns(anyExchange(style, random)) : [];
  const [user, assistant] = turns(last);
  return { id: `turns/${last.id}`, prompt: [...turns(first), ...between, user!], completion: [assistant!] };
}

/** Any fact that training may ask; every relation is equally likely. */
function anyExchange(style: Style, random: Random): Exchange {
  return factExchange(pick(trainedFacts(pick(FULL_WORLD, random)), random), style, random);
}

function anyStyle(random: Random): Style {
  return random.nextInt(2) === 0 ? 'curt' : 'friendly';
}

/** One example that starts with nothing before the question, at times with a system message. */
export function singleTurnRow(exchange: Exchange, style: Style, random: Random): SftRow {
  const draw = random.nextInt(24);
  const messages = draw < 2 ? SYSTEM_MESSAGES.any : draw === 2 ? SYSTEM_MESSAGES[style] : undefined;
  const [user, assistant] = turns(exchange);
  const system: ChatMessage[] = messages === undefined ? [] : [{ role: 'system', content: pick(messages, random) }];
  return { id: exchange.id, prompt: [...system, user!], completion: [assistant!] };
}

/** One example that asks for `fact`, in either style. */
export function factRowExample(fact: Fact, random: Random): SftRow {
  const style = anyStyle(random);
  return singleTurnRow(factExchange(fact, style, random), style, random);
}

const OTHERS: readonly { readonly share: number; readonly write: (style: Style, random: Random) => SftRow }[] = [
  { share: 32, write: followConversation },
  { share: 32, write: mixedConversation },
  { share: 8, write: nameConversation },
  { share: 14, write: (style, random) => singleTurnRow(unknownExchange(style, random), style, random) },
  { share: 14, write: (style, random) => singleTurnRow(storyExchange(style, random), style, random) },
];

/** One example that is no plain question: a conversation of two or three turns, something unknown, or a story. */
export function otherExample(random: Random): SftRow {
  let draw = random.nextInt(100);
  return OTHERS.find(({ share }) => (draw -= share) < 0)!.write(anyStyle(random), random);
}

/** A held-out question, plain, answered in the friendly style. */
export function heldOutRow(fact: Fact, phrasing: string, random: Random): SftRow {
  const [user, assistant] = turns({ id: '', question: askFact(fact, phrasing), answer: friendlyAnswer(fact, random) });
  return { id: `${fact.relation.id}/${fact.index}`, prompt: [user!], completion: [assistant!] };
}
