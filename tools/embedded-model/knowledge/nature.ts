import { relationTable, type Relation } from '../../../src/quickstart/index.ts';

/** `brief` is a noun phrase; `more` is a sentence that follows the definition. */
const DEFINITIONS = relationTable(
  'thing brief more',
  `the sun|a star|It gives us light and warmth
the moon|a ball of rock that circles the earth|We can see it at night
the earth|the planet that we live on|It has land and water
a star|a ball of hot gas far away|Stars shine in the night sky
rain|water that falls from the clouds|It makes the plants grow
snow|frozen water that falls from the sky|It is white and cold
ice|frozen water|It is hard and cold
wind|air that moves|It can move leaves and boats
a cloud|many small drops of water in the sky|Rain falls from it
a storm|very strong wind with rain|It is better to stay inside
thunder|the loud sound of lightning|You hear it in a storm
lightning|a flash of light in a storm|Thunder follows it
a rainbow|a bow of colors in the sky|You see it when the sun shines in the rain
fog|a cloud close to the ground|It is hard to see far in it
a river|water that runs to the sea|Boats and fish move in it
a lake|a lot of water with land around it|You can swim in it
the sea|a very big body of salt water|Fish and whales live in it
an island|land with water all around it|You need a boat to get there
a mountain|a very high hill|There is often snow on its top
a forest|a place with many trees|Deer and bears live in it
a desert|a dry place with a lot of sand|It is hot there and it rarely rains
a volcano|a mountain with fire inside|Hot rock comes out of it
a seed|the start of a plant|It needs water and light to grow
a flower|the colorful part of a plant|Bees visit it
a garden|a place where plants grow|People grow flowers and vegetables in it
a friend|someone who likes you and helps you|It is good to have one
a family|a group of people who belong together|It can be big or small
a holiday|a time without work or school|Many people travel then
a birthday|the day when a person was born|People eat cake on it
a computer|a machine that can work with words and numbers|I live in one
a robot|a machine that can move and work|It does what people tell it
a story|words about things that happened or could happen|People tell stories to each other
a dream|pictures in your mind while you sleep|It can be nice or strange
money|what people use to buy things|You can keep it in a bank
music|sounds that are nice to hear|People sing and play it
a question|words that ask for an answer|You just asked me one
water|a clear liquid that all living things need|We drink it every day
fire|hot light that comes from burning things|Never touch it
air|the gas that we breathe|It is all around us
a planet|a big ball that circles a star|The earth is one of them`,
);

const WHY = relationTable(
  'question brief reason',
  `Why do we sleep?|To rest.|We sleep so that the body and the mind can rest.
Why do we eat?|To get energy.|We eat because food gives us energy.
Why do birds have wings?|To fly.|Birds have wings so that they can fly.
Why is it dark at night?|The sun is gone.|It is dark at night because the sun is on the other side of the earth.
Why do leaves fall?|It gets cold.|Leaves fall in autumn because the trees rest in the cold time.
Why do we wash our hands?|To be clean.|We wash our hands because dirt can make us sick.
Why do plants need water?|To grow.|Plants need water because they can not grow without it.
Why do fish live in water?|They breathe in it.|Fish live in water because they can breathe only there.
Why does ice melt?|It gets warm.|Ice melts because warm air turns it into water.
Why do people work?|To earn money.|People work to earn money and to help each other.
Why do we brush our teeth?|To keep them clean.|We brush our teeth so that they stay clean and strong.
Why do children go to school?|To learn.|Children go to school because they learn to read and write there.
Why do we wear coats in winter?|To stay warm.|We wear coats in winter because it is cold outside.
Why do people laugh?|Because they are happy.|People laugh because they are happy or because something is funny.
Why do cats catch mice?|To eat them.|Cats catch mice because they like to eat them.
Why do bees visit flowers?|For nectar.|Bees visit flowers because they make honey from nectar.`,
);

const WEATHER = relationTable(
  'weather wear todo',
  `raining|a rain coat and boots|read a book at home
snowing|a warm coat and gloves|build a snowman
sunny|a hat and sunglasses|go to the beach
windy|a jacket|fly a kite
cold|a warm coat and a scarf|drink hot chocolate
hot|a thin shirt and a hat|go for a swim
foggy|a bright jacket|walk slowly`,
);

const QUALITIES = relationTable(
  'thing quality other',
  `ice|cold|hot
fire|hot|cold
a feather|light|heavy
an elephant|heavy|light
a stone|hard|soft
a pillow|soft|hard
a turtle|slow|fast
a rocket|fast|slow
a giraffe|tall|short
the night|dark|bright
the sun|bright|dark
water|wet|dry
the desert|dry|wet
a baby|young|old
a whale|big|small
an ant|small|big
a knife|sharp|dull
a library|quiet|loud
thunder|loud|quiet
soup|warm|cold`,
);

export const natureRelations: readonly Relation[] = [
  {
    id: 'definition',
    topic: 'nature',
    rows: DEFINITIONS,
    ask: [
      'What is {thing}?',
      'Can you explain what {thing} is?',
      'What does it mean when people say {thing}?',
      'Tell me what {thing} is.',
      'Explain to me what {thing} is.',
    ],
    curt: ['{brief}.'],
    full: ['{thing} is {brief}. {more}.'],
    follow: ['And what is {thing}?'],
  },
  {
    id: 'why',
    topic: 'nature',
    rows: WHY,
    ask: ['{question}'],
    curt: ['{brief}'],
    full: ['{reason}'],
  },
  {
    id: 'wear',
    topic: 'weather',
    rows: WEATHER,
    ask: [
      'What should I wear when it is {weather}?',
      'It is {weather}. What should I wear?',
      'What do I put on when it is {weather}?',
      'What clothes do I need when it is {weather}?',
    ],
    curt: ['{wear}.'],
    full: ['When it is {weather}, you should wear {wear}.', 'You should wear {wear} when it is {weather}.'],
    follow: ['And when it is {weather}?'],
  },
  {
    id: 'weather-todo',
    topic: 'weather',
    rows: WEATHER,
    ask: [
      'What can I do when it is {weather}?',
      'It is {weather}. What can I do?',
      'What is fun when it is {weather}?',
      'Give me an idea for when it is {weather}.',
    ],
    curt: ['{todo}.'],
    full: ['When it is {weather}, you can {todo}.', 'It is nice to {todo} when it is {weather}.'],
  },
  {
    id: 'quality',
    topic: 'things',
    rows: QUALITIES,
    ask: [
      'Is {thing} {quality} or {other}?',
      'Is {thing} {other} or {quality}?',
      'Which is right: {thing} is {quality}, or {thing} is {other}?',
      'Tell me if {thing} is {other} or {quality}.',
    ],
    curt: ['{quality}.'],
    full: ['{thing} is {quality}.', '{thing} is {quality}, not {other}.'],
  },
];
