import { fillTemplate, pick, type Row } from '../../src/quickstart/index.ts';
import type { Random } from '../../src/core/index.ts';
import { NAMES } from './knowledge/how-to.ts';

/** What a story is about. */
export interface StorySubject {
  readonly hero: string;
  /** `fox`, `boy`, ... */
  readonly kind: string;
}

const KINDS =
  'fox bear rabbit mouse cat dog owl frog duck lion elephant monkey boy girl king farmer sailor robot'.split(' ');
const PLACES = [
  'in the forest',
  'by the sea',
  'on a farm',
  'in a big city',
  'near a lake',
  'in a small house',
  'on a hill',
];
const OBJECTS = ['ball', 'kite', 'book', 'hat', 'key', 'lamp', 'map', 'ring', 'drum', 'boat'];
const FOODS = ['cake', 'soup', 'bread', 'honey', 'fruit', 'rice'];
const WEATHERS = ['sunny', 'rainy', 'windy', 'cold', 'warm'];

/** A plot is a list of beats; each beat has wordings that mean the same. Slots are those of `storyRow`. */
const PLOTS: readonly (readonly (readonly string[])[])[] = [
  [
    [
      'One day, {hero} lost a {object}.',
      'One {weather} day, the {object} of {hero} was gone.',
      '{hero} had a {object}, but one day it was lost.',
    ],
    [
      '{hero} looked for it everywhere.',
      '{hero} looked under the bed and behind the door.',
      '{hero} was very sad and began to look for it.',
    ],
    ['Then {friend} came to help.', 'A friend named {friend} wanted to help.', '{friend} said, "I will help you."'],
    [
      'They found the {object} under a tree.',
      'Together they found the {object} in the garden.',
      'At last, {friend} saw the {object} in the grass.',
    ],
    [
      '{hero} was happy and said thank you.',
      '{hero} laughed and thanked {friend}.',
      'After that, they played together all day.',
    ],
  ],
  [
    ['One day, {hero} was very hungry.', 'One {weather} morning, {hero} wanted to eat {food}.'],
    ['There was no {food} in the house.', '{hero} looked in the kitchen, but there was no {food}.'],
    ['So {hero} walked to the house of {friend}.', 'So {hero} asked {friend} for help.'],
    ['{friend} had some {food} and gave half of it to {hero}.', '{friend} and {hero} made {food} together.'],
    ['They ate the {food} and were happy.', 'The {food} was very good, and nobody was hungry.'],
  ],
  [
    ['{hero} was afraid of the dark.', 'At night, {hero} was always afraid.'],
    ['One night, there was a strange sound.', 'One night, {hero} heard a sound at the door.'],
    ['{hero} took a lamp and opened the door.', '{hero} was brave and went to look.'],
    ['It was only {friend}, who was lost.', 'There stood {friend}, who could not sleep.'],
    ['They drank hot milk and talked all night.', 'From that day on, {hero} was not afraid anymore.'],
  ],
  [
    ['{hero} wanted to learn to swim.', 'All the friends of {hero} could swim, but {hero} could not.'],
    ['The water was cold and deep.', 'At first, it was very difficult.'],
    ['{friend} said, "Try again, I am with you."', '{friend} helped {hero} every day.'],
    ['{hero} tried again and again.', 'After seven days, something good happened.'],
    ['At last, {hero} could swim like a fish.', 'Now {hero} swims every day and is very proud.'],
  ],
  [
    ['It was the birthday of {friend}.', 'One day, {friend} had a birthday.'],
    ['{hero} had no money to buy a present.', '{hero} did not know what to give.'],
    ['So {hero} made a {object} out of wood.', 'So {hero} painted a picture of a {object}.'],
    ['{friend} opened it and smiled.', '{friend} was surprised and happy.'],
    ['"This is the best present," said {friend}.', 'Then they all ate {food} and sang songs.'],
  ],
  [
    [
      '{hero} and {friend} both wanted the same {object}.',
      'There was only one {object}, and {hero} and {friend} both wanted it.',
    ],
    ['They were angry and did not speak.', 'They pulled and pulled, and the {object} broke.'],
    ['After a while, {hero} said sorry.', 'Then {hero} said, "I am sorry. You are my friend."'],
    ['{friend} was sorry too.', '{friend} said, "We can share it."'],
    ['Now they play with it together.', 'From that day on, they shared everything.'],
  ],
  [
    ['One {weather} day, {hero} went for a long walk.', '{hero} liked to walk far from home.'],
    ['Soon {hero} did not know the way home.', 'It got dark, and {hero} was lost.'],
    ['{hero} met {friend}, who had a map.', 'Then {friend} came by with a lamp.'],
    ['{friend} showed {hero} the way.', 'They walked home together under the stars.'],
    ['At home, they had some {food} and slept well.', '{hero} was glad to be home again.'],
  ],
  [
    ['{hero} found an old {object} on the road.', 'One morning, there was a strange {object} at the door of {hero}.'],
    ['"Whose is it?" asked {hero}.', '{hero} wanted to find out who had lost it.'],
    ['{hero} asked everyone in the town.', '{hero} went from house to house.'],
    ['At last, {friend} said, "It is mine!"', 'It was the {object} of {friend}.'],
    ['{friend} was so happy and gave {hero} some {food}.', 'That is how {hero} and {friend} became friends.'],
  ],
  [
    ['{hero} planted a small seed.', 'In spring, {hero} put a seed in the earth.'],
    ['Every day, {hero} gave it water.', '{friend} laughed and said, "Nothing will grow."'],
    ['For a long time, nothing happened.', '{hero} waited for many days.'],
    ['Then one morning, there was a green leaf.', 'In summer, there was a beautiful flower.'],
    ['{hero} and {friend} sat next to it and smiled.', '{hero} was proud and showed it to {friend}.'],
  ],
  [
    ['It snowed all night, and the world was white.', 'One winter morning, there was snow everywhere.'],
    ['{hero} called {friend}, and they ran outside.', '{hero} put on a warm coat and went to see {friend}.'],
    ['They built a big snowman.', 'They made a snowman with a {object}.'],
    ['When the sun came out, the snowman began to melt.', 'Soon their hands were cold and red.'],
    ['"Next winter we will build a new one," said {hero}.', 'Then they went inside and drank hot chocolate.'],
  ],
];

const BEGINNINGS = [
  'Once upon a time, there was {kind|a} named {hero}.',
  'There once was {kind|a} named {hero} who lived {place}.',
  '{hero} was {kind|a} who lived {place}.',
  'Once there was a little {kind} called {hero}.',
];

export function randomSubject(random: Random): StorySubject {
  return { hero: pick(NAMES, random), kind: pick(KINDS, random) };
}

function storyRow(subject: StorySubject, random: Random): Row {
  const others = NAMES.filter((name) => name !== subject.hero);
  return {
    hero: subject.hero,
    kind: subject.kind,
    friend: pick(others, random),
    place: pick(PLACES, random),
    object: pick(OBJECTS, random),
    food: pick(FOODS, random),
    weather: pick(WEATHERS, random),
  };
}

/** A story of a beginning and five sentences; `short` keeps the first and the last of the five. */
export function writeStory(subject: StorySubject, random: Random, short = false): string {
  const row = storyRow(subject, random);
  const beats = pick(PLOTS, random).map((wordings) => pick(wordings, random));
  const kept = short ? [beats[0]!, beats.at(-1)!] : beats;
  return [pick(BEGINNINGS, random), ...kept].map((template) => fillTemplate(template, row)).join(' ');
}
