import { relationTable, uniqueBy, yesNo, type Relation } from '../relation.ts';
import { comparisons } from './comparisons.ts';

/** What people use a tool for, as an infinitive without `to`. */
const TOOLS = relationTable(
  'tool use',
  `hammer|hit nails
saw|cut wood
knife|cut bread
spoon|eat soup
fork|eat noodles
pen|write
brush|paint
broom|sweep the floor
key|open a door
needle|sew clothes
shovel|dig a hole
ladder|climb up to high places
umbrella|stay dry in the rain
towel|dry your hands
lamp|see in the dark
clock|tell the time
phone|talk to friends far away
camera|take pictures
bed|sleep
chair|sit
bicycle|ride to school
boat|cross the water
cup|drink tea
pot|cook soup
oven|bake bread
fridge|keep food cold
mirror|look at yourself
comb|comb your hair
toothbrush|clean your teeth
soap|wash your hands
rope|tie things together
map|find the way
bag|carry things
ruler|measure a line
scale|measure weight
book|read stories
ball|play games
kite|play in the wind
blanket|stay warm at night
bucket|carry water
net|catch fish
bell|make a sound
candle|make light
stamp|send a letter`,
);

const MATERIALS = relationTable(
  'thing material',
  `window|glass
bottle|glass
table|wood
door|wood
book|paper
newspaper|paper
shirt|cotton
sweater|wool
shoe|leather
belt|leather
coin|metal
key|metal
nail|metal
brick|clay
pot|clay
tire|rubber
candle|wax
snowman|snow
necklace|gold
castle|stone`,
);

const SHAPES = relationTable(
  'shape sides',
  `triangle|3
square|4
rectangle|4
pentagon|5
hexagon|6
octagon|8`,
);

const FORMS = relationTable(
  'thing form',
  `ball|round
coin|round
wheel|round
plate|round
box|square
book|rectangular
door|rectangular
egg|oval
ring|round
orange|round`,
);

const PARTS = relationTable(
  'thing part count',
  `car|wheel|4
bicycle|wheel|2
tricycle|wheel|3
train|wheel|many
table|leg|4
chair|leg|4
bird|wing|2
butterfly|wing|4
clock|hand|2
fork|point|4
hand|finger|5
house|roof|1`,
);

const CATEGORIES = relationTable(
  'thing category',
  `rose|flower
tulip|flower
daisy|flower
sunflower|flower
lily|flower
oak|tree
pine|tree
maple|tree
apple|fruit
banana|fruit
pear|fruit
peach|fruit
grape|fruit
lemon|fruit
carrot|vegetable
potato|vegetable
onion|vegetable
cabbage|vegetable
pea|vegetable
car|vehicle
bus|vehicle
train|vehicle
truck|vehicle
boat|vehicle
guitar|musical instrument
piano|musical instrument
drum|musical instrument
violin|musical instrument
flute|musical instrument
shirt|piece of clothing
coat|piece of clothing
dress|piece of clothing
hat|piece of clothing
sock|piece of clothing
table|piece of furniture
chair|piece of furniture
bed|piece of furniture
sofa|piece of furniture
doll|toy
kite|toy
puppet|toy
hammer|tool
saw|tool
drill|tool
circle|shape
triangle|shape
square|shape`,
);

const BY_SIZE = ['coin', 'cup', 'book', 'chair', 'car', 'bus', 'house', 'mountain'];
const BY_WEIGHT = ['feather', 'pencil', 'apple', 'brick', 'bicycle', 'piano', 'truck'];

export const thingRelations: readonly Relation[] = [
  {
    id: 'use',
    topic: 'things',
    rows: TOOLS,
    ask: [
      'What is {tool|a} for?',
      'What do people use {tool|a} for?',
      'What can I do with {tool|a}?',
      'What do you do with {tool|a}?',
      'Why do people need {tool|a}?',
    ],
    curt: ['To {use}.'],
    full: ['You use {tool|a} to {use}.', 'People use {tool|a} to {use}.', '{tool|a} helps you to {use}.'],
    follow: ['And {tool|a}?', 'And what is {tool|a} for?'],
  },
  {
    id: 'need-tool',
    topic: 'things',
    rows: TOOLS,
    ask: [
      'What do I need to {use}?',
      'What do I use to {use}?',
      'Which thing helps me to {use}?',
      'I want to {use}. What do I need?',
    ],
    curt: ['{tool|a}.'],
    full: ['To {use}, you need {tool|a}.', 'You need {tool|a} to {use}.'],
  },
  {
    id: 'material',
    topic: 'things',
    rows: MATERIALS,
    ask: [
      'What is {thing|a} made of?',
      'What are {thing|s} made of?',
      'From what do people make {thing|a}?',
      'Which material is {thing|a} made of?',
    ],
    curt: ['{material}.'],
    full: ['{thing|a} is made of {material}.', '{thing|s} are made of {material}.'],
    follow: ['And {thing|a}?'],
  },
  {
    id: 'sides',
    topic: 'numbers',
    rows: SHAPES,
    ask: [
      'How many sides does {shape|a} have?',
      'How many corners does {shape|a} have?',
      'Tell me how many sides {shape|a} has.',
      'What number of sides does {shape|a} have?',
    ],
    curt: ['{sides}.'],
    full: ['{shape|a} has {sides} sides and {sides} corners.', '{shape|a} is a shape with {sides} sides.'],
    follow: ['And {shape|a}?'],
  },
  {
    id: 'which-shape',
    topic: 'numbers',
    rows: uniqueBy(SHAPES, 'sides'),
    ask: [
      'Which shape has {sides} sides?',
      'What shape has {sides} sides?',
      'What is a shape with {sides} sides called?',
    ],
    curt: ['{shape|a}.'],
    full: ['A shape with {sides} sides is called {shape|a}.', '{shape|a} has {sides} sides.'],
  },
  {
    id: 'form',
    topic: 'things',
    rows: FORMS,
    ask: [
      'What shape is {thing|a}?',
      'What is the shape of {thing|a}?',
      'Which shape does {thing|a} have?',
      'What shape does {thing|a} have?',
    ],
    curt: ['{form}.'],
    full: ['{thing|a} is {form}.', 'The shape of {thing|a} is {form}.'],
  },
  {
    id: 'parts',
    topic: 'things',
    rows: PARTS,
    ask: [
      'How many {part|s} does {thing|a} have?',
      'Tell me how many {part|s} {thing|a} has.',
      'How many {part|s} do {thing|s} have?',
    ],
    curt: ['{count}.'],
    full: ['The number of {part|s} that {thing|a} has is {count}.', '{thing|s} have this many {part|s}: {count}.'],
  },
  {
    id: 'category',
    topic: 'things',
    rows: CATEGORIES,
    ask: [
      'What kind of thing is {thing|a}?',
      'What sort of thing is {thing|a}?',
      'What is {thing|a}?',
      '{thing|a} is what kind of thing?',
    ],
    curt: ['{category|a}.'],
    full: ['{thing|a} is {category|a}.', '{thing|a} is a kind of {category}.'],
    follow: ['And {thing|a}?'],
  },
  ...yesNo({
    id: 'is-category',
    topic: 'things',
    rows: CATEGORIES,
    value: 'category',
    ask: [
      'Is {thing|a} {said|a}?',
      'Would you say that {thing|a} is {said|a}?',
      'Is it true that {thing|a} is {said|a}?',
    ],
    truth: '{thing|a} is {category|a}',
  }),
  ...comparisons({
    id: 'thing-size',
    topic: 'things',
    ordered: BY_SIZE,
    more: 'bigger',
    less: 'smaller',
    noun: 'thing',
  }),
  ...comparisons({
    id: 'thing-weight',
    topic: 'things',
    ordered: BY_WEIGHT,
    more: 'heavier',
    less: 'lighter',
    noun: 'thing',
  }),
];
