import { relationTable, yesNo, type Relation } from '../relation.ts';

/** A thing as the subject of `is`, and the color it usually has. */
const COLORS = relationTable(
  'thing color',
  `a banana|yellow
a lemon|yellow
the sun|yellow
butter|yellow
corn|yellow
a tomato|red
a strawberry|red
a cherry|red
blood|red
a fire truck|red
a stop sign|red
grass|green
a leaf|green
a frog|green
a cucumber|green
a pea|green
the sky|blue
the sea|blue
a blueberry|blue
snow|white
milk|white
salt|white
a swan|white
a cloud|white
rice|white
coal|black
a crow|black
the night|black
an orange|orange
a carrot|orange
a pumpkin|orange
wood|brown
chocolate|brown
coffee|brown
a bear|brown
an elephant|gray
a mouse|gray
a stone|gray
smoke|gray
a pig|pink
a flamingo|pink
a plum|purple
a grape|purple
silver|gray
gold|yellow
honey|yellow
ice|white
mud|brown`,
);

const MIXES = relationTable(
  'first second mix',
  `red|yellow|orange
yellow|blue|green
red|blue|purple
black|white|gray
red|white|pink
yellow|red|orange
blue|yellow|green
blue|red|purple
white|black|gray
white|red|pink`,
);

export const colorRelations: readonly Relation[] = [
  {
    id: 'color',
    topic: 'colors',
    rows: COLORS,
    ask: [
      'What color is {thing}?',
      'Which color is {thing}?',
      'What colour is {thing}?',
      'Tell me the color of {thing}.',
      'What is the color of {thing}?',
      'Which color does {thing} have?',
    ],
    curt: ['{color}.'],
    full: ['{thing} is {color}.', 'The color of {thing} is {color}.'],
    follow: ['And {thing}?', 'What about {thing}?'],
  },
  ...yesNo({
    id: 'is-color',
    topic: 'colors',
    rows: COLORS,
    value: 'color',
    ask: ['Is {thing} {said}?', 'Is the color of {thing} {said}?', 'Is it true that {thing} is {said}?'],
    truth: '{thing} is {color}',
  }),
  {
    id: 'mix',
    topic: 'colors',
    rows: MIXES,
    ask: [
      'What color do {first} and {second} make?',
      'What do I get if I mix {first} and {second}?',
      'Which color comes from {first} and {second}?',
      'If I mix {first} with {second}, what color do I get?',
    ],
    curt: ['{mix}.'],
    full: ['{first} and {second} make {mix}.', 'If you mix {first} and {second}, you get {mix}.'],
  },
];
