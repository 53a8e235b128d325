import { having, relationTable, uniqueBy, yesNo, type Relation } from '../relation.ts';
import { comparisons } from './comparisons.ts';

/** `-` marks what an animal lacks. */
const ANIMALS = relationTable(
  'animal kind sound legs home young eats moves',
  `dog|mammal|woof|4|in a house|puppy|meat|run
cat|mammal|meow|4|in a house|kitten|fish|climb
cow|mammal|moo|4|on a farm|calf|grass|walk
horse|mammal|neigh|4|in a stable|foal|hay|run
sheep|mammal|baa|4|on a farm|lamb|grass|walk
goat|mammal|-|4|on a farm|kid|leaves|climb
pig|mammal|oink|4|on a farm|piglet|corn|walk
donkey|mammal|hee-haw|4|on a farm|-|hay|walk
mouse|mammal|squeak|4|in a hole|pup|cheese|run
rabbit|mammal|-|4|in a burrow|bunny|carrots|hop
bear|mammal|growl|4|in the forest|cub|honey|climb
wolf|mammal|howl|4|in the forest|-|meat|run
fox|mammal|-|4|in a den|-|mice|run
deer|mammal|-|4|in the forest|fawn|leaves|run
squirrel|mammal|-|4|in a tree|-|nuts|climb
lion|mammal|roar|4|in the grasslands|-|meat|run
tiger|mammal|-|4|in the jungle|-|meat|swim
elephant|mammal|trumpet|4|in Africa|-|leaves|walk
giraffe|mammal|-|4|in Africa|-|leaves|walk
zebra|mammal|-|4|in Africa|-|grass|run
camel|mammal|-|4|in the desert|-|dry plants|walk
monkey|mammal|-|2|in the jungle|-|bananas|climb
kangaroo|mammal|-|2|in Australia|joey|grass|hop
bat|mammal|-|2|in a cave|-|insects|fly
whale|mammal|-|0|in the sea|-|small fish|swim
dolphin|mammal|click|0|in the sea|-|fish|swim
chicken|bird|cluck|2|on a farm|chick|seeds|walk
duck|bird|quack|2|on a pond|duckling|bread|swim
goose|bird|honk|2|on a pond|gosling|grass|fly
owl|bird|hoot|2|in a tree|owlet|mice|fly
crow|bird|caw|2|in a tree|-|seeds|fly
eagle|bird|-|2|in the mountains|-|fish|fly
parrot|bird|-|2|in the jungle|-|fruit|fly
penguin|bird|-|2|on the ice|-|fish|swim
swan|bird|-|2|on a lake|cygnet|water plants|swim
shark|fish|-|0|in the sea|-|fish|swim
goldfish|fish|-|0|in a bowl|-|small flakes|swim
salmon|fish|-|0|in a river|-|small fish|swim
snake|reptile|hiss|0|in the grass|-|mice|crawl
turtle|reptile|-|4|near the water|-|plants|swim
crocodile|reptile|-|4|in a river|-|meat|swim
frog|amphibian|ribbit|4|in a pond|tadpole|flies|hop
bee|insect|buzz|6|in a hive|-|nectar|fly
ant|insect|-|6|in a nest|-|crumbs|walk
butterfly|insect|-|6|in a garden|caterpillar|nectar|fly
fly|insect|-|6|in a house|-|crumbs|fly
spider|arachnid|-|8|in a web|-|flies|crawl`,
);

/** Smallest first; no two of the same size. */
const BY_SIZE = ['ant', 'bee', 'mouse', 'squirrel', 'rabbit', 'cat', 'sheep', 'lion', 'horse', 'elephant', 'whale'];
/** Slowest first. */
const BY_SPEED = ['snail', 'turtle', 'duck', 'pig', 'cow', 'elephant', 'wolf', 'horse', 'cheetah'];

const ON_LAND = ['run', 'walk', 'climb', 'hop'];
/** `other` is what the animal surely cannot do. */
const ABILITIES = ANIMALS.map((row) => ({
  ...row,
  other: row.kind === 'mammal' && ON_LAND.includes(row.moves!) ? 'fly' : 'read a book',
}));

export const animalRelations: readonly Relation[] = [
  {
    id: 'sound',
    topic: 'animals',
    rows: having(ANIMALS, 'sound'),
    ask: [
      'What sound does {animal|a} make?',
      'What does {animal|a} say?',
      'Which sound does {animal|a} make?',
      'How does {animal|a} sound?',
      'What noise does {animal|a} make?',
    ],
    curt: ['{sound}.'],
    full: ['{animal|a} says {sound}.', 'The sound that {animal|a} makes is {sound}.', '{animal|s} say {sound}.'],
    follow: ['And {animal|a}?', 'What about {animal|a}?'],
  },
  {
    id: 'who-says',
    topic: 'animals',
    rows: uniqueBy(ANIMALS, 'sound'),
    ask: [
      'Which animal says {sound}?',
      'What animal says {sound}?',
      'Who says {sound}?',
      'Which animal makes the sound {sound}?',
    ],
    curt: ['{animal|a}.'],
    full: ['The animal that says {sound} is {animal|a}.', '{animal|a} says {sound}.'],
    follow: ['And which animal says {sound}?'],
  },
  {
    id: 'legs',
    topic: 'animals',
    rows: ANIMALS,
    ask: [
      'How many legs does {animal|a} have?',
      'How many legs do {animal|s} have?',
      'Tell me how many legs {animal|a} has.',
      'What number of legs does {animal|a} have?',
    ],
    curt: ['{legs}.'],
    full: ['{animal|a} has {legs} legs.', '{animal|s} have {legs} legs.'],
    follow: ['And {animal|a}?', 'How about {animal|a}?'],
  },
  {
    id: 'home',
    topic: 'animals',
    rows: ANIMALS,
    ask: [
      'Where does {animal|a} live?',
      'Where do {animal|s} live?',
      'Where can I find {animal|a}?',
      'What is the home of {animal|a}?',
      'In what place does {animal|a} live?',
    ],
    curt: ['{home}.'],
    full: ['{animal|a} lives {home}.', '{animal|s} live {home}.'],
    follow: ['And {animal|a}?', 'And where does {animal|a} live?'],
  },
  {
    id: 'young',
    topic: 'animals',
    rows: having(ANIMALS, 'young'),
    ask: [
      'What is a baby {animal} called?',
      'What do you call a young {animal}?',
      'What is the name for a baby {animal}?',
      'What is the young of {animal|a} called?',
    ],
    curt: ['{young|a}.'],
    full: ['A baby {animal} is called {young|a}.', 'The young of {animal|a} is {young|a}.'],
    follow: ['And a baby {animal}?'],
  },
  {
    id: 'grows-into',
    topic: 'animals',
    rows: having(ANIMALS, 'young'),
    ask: [
      'What does {young|a} grow into?',
      'What will {young|a} become?',
      'What is {young|a}?',
      'What does {young|a} become one day?',
    ],
    curt: ['{animal|a}.'],
    full: ['{young|a} is a young {animal}.', '{young|a} grows into {animal|a}.'],
  },
  {
    id: 'eats',
    topic: 'animals',
    rows: ANIMALS,
    ask: [
      'What does {animal|a} eat?',
      'What do {animal|s} eat?',
      'What does {animal|a} like to eat?',
      'What is the food of {animal|a}?',
      'What can I feed {animal|a}?',
    ],
    curt: ['{eats}.'],
    full: ['{animal|a} eats {eats}.', '{animal|s} like to eat {eats}.'],
    follow: ['And {animal|a}?', 'What about {animal|a}?'],
  },
  {
    id: 'kind',
    topic: 'animals',
    rows: ANIMALS,
    ask: [
      'What kind of animal is {animal|a}?',
      'What type of animal is {animal|a}?',
      'Which kind of animal is {animal|a}?',
      'To which group of animals does {animal|a} belong?',
    ],
    curt: ['{kind|a}.'],
    full: ['{animal|a} is {kind|a}.', '{animal|a} is an animal. It is {kind|a}.'],
    follow: ['And {animal|a}?'],
  },
  {
    id: 'about-animal',
    topic: 'animals',
    rows: ANIMALS,
    ask: [
      'Tell me about {animal|s}.',
      'What do you know about {animal|s}?',
      'Tell me something about {animal|a}.',
      'What is {animal|a}?',
      'Describe {animal|a}.',
    ],
    curt: ['{kind|a} that lives {home}.'],
    full: [
      '{animal|a} is {kind|a}. It lives {home} and eats {eats}.',
      '{animal|a} is {kind|a} that lives {home}. It has {legs} legs and eats {eats}.',
    ],
  },
  ...yesNo({
    id: 'is-kind',
    topic: 'animals',
    rows: ANIMALS,
    value: 'kind',
    ask: ['Is {animal|a} {said|a}?', 'Are {animal|s} a kind of {said}?', 'Is it true that {animal|a} is {said|a}?'],
    truth: '{animal|a} is {kind|a}',
  }),
  {
    id: 'can-do',
    topic: 'animals',
    rows: ABILITIES,
    ask: ['Can {animal|a} {moves}?', 'Is {animal|a} able to {moves}?', 'Do {animal|s} {moves}?'],
    curt: ['Yes.'],
    full: ['Yes, {animal|a} can {moves}.', 'Yes, {animal|s} can {moves}.'],
  },
  {
    id: 'can-not-do',
    topic: 'animals',
    rows: ABILITIES,
    ask: ['Can {animal|a} {other}?', 'Is {animal|a} able to {other}?', 'Do {animal|s} {other}?'],
    curt: ['No.'],
    full: ['No, {animal|a} can not {other}. It can {moves}.', 'No, {animal|s} can not {other}, but they can {moves}.'],
  },
  ...comparisons({
    id: 'animal-size',
    topic: 'animals',
    ordered: BY_SIZE,
    more: 'bigger',
    less: 'smaller',
    noun: 'animal',
  }),
  ...comparisons({
    id: 'animal-speed',
    topic: 'animals',
    ordered: BY_SPEED,
    more: 'faster',
    less: 'slower',
    noun: 'animal',
  }),
];
