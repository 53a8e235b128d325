import { exchange, relationTable, type Relation, type Row } from '../../../src/quickstart/index.ts';

/** `steps` completes `To <task>, ...`, without its full stop. */
const TASKS = relationTable(
  'task brief steps',
  `wash my hands|Use water and soap|use warm water and soap. Rub your hands for a while, then dry them with a towel
plant a seed|Put it in earth and water it|make a small hole in the earth. Put the seed in it, cover it, and give it water
draw a house|Draw a square with a triangle on top|draw a square first. Then put a triangle on top and add a door and windows
build a snowman|Put three balls of snow together|roll three balls of snow. Put them on top of each other and add a carrot for the nose
clean my room|Put things away and sweep|put all things in their place first. Then sweep the floor and open the window
sleep better|Go to bed early|go to bed early every night. Keep the room dark and quiet
wake up early|Go to bed early|go to bed early and put your clock far from the bed
say sorry|Say it in a kind way|tell the person that you are sorry. Then do something kind for them
write a letter|Use a pen and paper|take a pen and paper. Begin with the name of your friend, then write what you want to say
make a friend|Be kind and listen|be kind to people and listen to them. Ask them what they like
learn a new word|Say it many times|say the word many times. Then use it in a sentence
learn to swim|Practice with a teacher|find a good teacher and practice in water that is not deep
ride a bicycle|Push the pedals and look ahead|sit down, hold the bar, and push the pedals. Look ahead and keep your balance
care for a dog|Feed it and walk with it|give it food and water every day. Walk with it and play with it
care for a cat|Feed it and play with it|give it food and water every day. Keep its box clean and play with it
care for a plant|Give it water and light|put it near a window and give it water twice a week
cross the street|Look left and right|stop first. Look left and right, and walk when no car comes
brush my teeth|Use a toothbrush for two minutes|put toothpaste on a toothbrush. Then brush all your teeth for two minutes
fold a shirt|Fold the sleeves in|lay the shirt flat. Fold the sleeves in, then fold it in half
light a room|Turn on the lamp|turn on the lamp or open the curtains
stay warm|Wear warm clothes|wear warm clothes and drink something hot
stay cool|Drink water in the shade|stay in the shade and drink a lot of cold water
stay healthy|Eat well and move|eat fruit and vegetables, sleep well, and move every day
save money|Buy less|buy only what you need and put some money in a bank each month
find my way|Use a map|use a map or ask a friendly person
pack a bag|Put heavy things at the bottom|put the heavy things at the bottom and the soft things on top
wrap a present|Use paper and tape|lay the present on paper. Fold the paper around it and close it with tape
catch a fish|Use a net or a line|go to a lake with a net or a line. Then wait and be very quiet
fly a kite|Hold the line in the wind|go outside on a windy day. Hold the line and run until the kite goes up
read better|Read every day|read a little every day and ask about new words
calm down|Breathe slowly|sit down and breathe slowly. Then count to ten
make a fire|Leave it to an adult|ask an adult for help. Fire can be dangerous`,
);

/** Three lists of three for each kind: any of them is a right answer. */
const LISTS = relationTable(
  'kind one two three',
  `animals|a dog, a cat, and a horse|a lion, a tiger, and a bear|a cow, a pig, and a sheep
birds|an owl, an eagle, and a duck|a crow, a swan, and a parrot|a goose, a chicken, and a penguin
colors|red, blue, and green|yellow, black, and white|orange, pink, and purple
fruits|an apple, a banana, and a pear|a grape, a peach, and a lemon|an orange, a cherry, and a plum
vegetables|a carrot, an onion, and a potato|a pea, a cabbage, and a cucumber|corn, spinach, and an onion
countries|France, Japan, and Brazil|Italy, Egypt, and Canada|Spain, China, and Kenya
cities|Paris, Rome, and London|Tokyo, Cairo, and Berlin|Madrid, Oslo, and Lima
flowers|a rose, a tulip, and a daisy|a lily, a sunflower, and a rose|a daisy, a sunflower, and a tulip
trees|an oak, a pine, and a maple|an apple tree, an oak, and a pine|a maple, a pine, and an oak
tools|a hammer, a saw, and a drill|a shovel, a ladder, and a broom|a saw, a hammer, and a shovel
drinks|water, tea, and milk|coffee, juice, and lemonade|milk, juice, and water
jobs|a teacher, a doctor, and a farmer|a baker, a pilot, and a nurse|a painter, a singer, and a cook
clothes|a shirt, a coat, and a hat|a dress, a sock, and a shoe|a hat, a dress, and a coat
shapes|a circle, a square, and a triangle|a rectangle, a hexagon, and a circle|a square, a hexagon, and a triangle
toys|a ball, a kite, and a doll|a puppet, a doll, and a ball|a kite, a ball, and a puppet
days|Monday, Tuesday, and Friday|Sunday, Saturday, and Thursday|Tuesday, Wednesday, and Friday
seasons|spring, summer, and winter|summer, autumn, and winter|spring, autumn, and winter
vehicles|a car, a bus, and a train|a boat, a truck, and a bicycle|a plane, a ship, and a car`,
);

export const NAMES =
  'Tom Anna Ben Lucy Max Mia Sam Emma Leo Nina Paul Rosa Jack Lily Peter Clara Oscar Julia David Sara Henry Ella Adam Kate'.split(
    ' ',
  );

const GOODS = ['apples', 'books', 'coins', 'eggs', 'balls', 'cups', 'stones', 'flowers', 'cookies', 'pencils'];

/** Small sums and differences as stories about someone. */
const WORD_PROBLEMS: Row[] = Array.from({ length: 80 }, (_, index) => {
  const first = (index % 9) + 1;
  const second = ((index * 5) % 6) + 1;
  return {
    name: NAMES[index % NAMES.length]!,
    goods: GOODS[(index * 3) % GOODS.length]!,
    more: String(first),
    total: String(first + second),
    change: String(second),
  };
});

const SAY_WORDS =
  'apple house river yellow happy seven winter tiger garden window Monday pencil friend butter mountain music doctor orange Paris rainbow table lemon flower summer kitchen'.split(
    ' ',
  );

export const howToRelations: readonly Relation[] = [
  {
    id: 'how-to',
    topic: 'things',
    rows: TASKS,
    ask: [
      'How do I {task}?',
      'How can I {task}?',
      'Tell me how to {task}.',
      'I want to {task}. What do I do?',
      'What is the best way to {task}?',
      'Can you explain how to {task}?',
    ],
    curt: ['{brief}.'],
    full: ['To {task}, {steps}.', 'This is how to {task}: {steps}.'],
    follow: ['And how do I {task}?'],
  },
  {
    id: 'three-of',
    topic: 'words',
    rows: LISTS,
    ask: [
      'Name three {kind}.',
      'Tell me three {kind}.',
      'Can you name three {kind}?',
      'List three {kind}.',
      'Give me the names of three {kind}.',
    ],
    curt: ['{one}.', '{two}.', '{three}.'],
    full: ['Here are three {kind}: {one}.', 'Three {kind} are {two}.', 'I can name three {kind}: {three}.'],
    follow: ['And three {kind}?'],
  },
  {
    id: 'gets-more',
    topic: 'numbers',
    rows: WORD_PROBLEMS,
    ask: [
      '{name} has {more} {goods} and gets {change} more. How many {goods} does {name} have?',
      '{name} has {more} {goods}. A friend gives {name} {change} more. How many {goods} are there now?',
      'There are {more} {goods} on the table. {name} adds {change}. How many {goods} are on the table?',
      '{name} buys {more} {goods} and then {change} more. How many {goods} is that?',
    ],
    curt: ['{total}.'],
    full: ['{more} plus {change} is {total}, so {name} has {total} {goods}.', '{name} has {total} {goods} now.'],
  },
  {
    id: 'gives-away',
    topic: 'numbers',
    rows: WORD_PROBLEMS,
    ask: [
      '{name} has {total} {goods} and gives away {change}. How many {goods} are left?',
      '{name} has {total} {goods} and loses {change}. How many {goods} does {name} have now?',
      'There are {total} {goods} on the table. {name} takes {change}. How many {goods} are left?',
      '{name} had {total} {goods} and sold {change}. How many {goods} are left?',
    ],
    curt: ['{more}.'],
    full: ['{total} minus {change} is {more}, so {more} {goods} are left.', '{more} {goods} are left.'],
  },
  {
    id: 'say-word',
    topic: 'words',
    rows: SAY_WORDS.map((word) => ({ word })),
    ask: ['Say the word {word}.', 'Please say {word}.', 'Can you say {word}?', 'Repeat the word {word}.'],
    curt: ['{word}.'],
    full: ['The word is {word}.', 'I can say it: {word}.'],
  },
  {
    id: 'name-is',
    topic: 'chat',
    asIs: true,
    rows: NAMES.map((name) => ({ name })),
    ask: [
      'My name is {name}.',
      'I am {name}.',
      'Hello, my name is {name}.',
      'You can call me {name}.',
      'Hi, I am {name}.',
    ],
    curt: ['Hello, {name}.'],
    full: [
      'Hello, {name}! It is very nice to meet you. How can I help you today?',
      'Nice to meet you, {name}! What would you like to know?',
    ],
  },
  exchange({
    id: 'wrong',
    topic: 'chat',
    asIs: true,
    ask: ['That is wrong.', 'You are wrong.', 'That is not right.', 'I think that is wrong.', 'No, that is not true.'],
    curt: ['Sorry.', 'I am sorry.'],
    full: [
      'I am sorry! I am a small model, and sometimes I am wrong. Please ask me again.',
      'Oh, I am sorry about that! Let me try again if you like.',
    ],
  }),
  exchange({
    id: 'praise',
    topic: 'chat',
    asIs: true,
    ask: ['That is right!', 'Well done!', 'You are smart!', 'Good answer!', 'Great!', 'Very good!'],
    curt: ['Thank you.'],
    full: [
      'Thank you so much! That makes me happy. What else would you like to know?',
      'Thank you, you are very kind! I like to help.',
    ],
  }),
  exchange({
    id: 'what-to-talk',
    topic: 'chat',
    asIs: true,
    ask: [
      'What should we talk about?',
      'Let us talk.',
      'Talk to me.',
      'I want to talk.',
      'Let us talk about something.',
    ],
    curt: ['Animals.', 'About what?'],
    full: [
      'I would love to talk! We can talk about animals, food, or countries. What do you like?',
      'Let us talk about animals! Which animal do you like best?',
    ],
  }),
];
