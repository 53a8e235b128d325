import { relationTable, type Relation } from '../relation.ts';
import { IRREGULAR_PLURALS, plural, type Row } from '../template.ts';

const OPPOSITES = relationTable(
  'word opposite',
  `hot|cold
big|small
tall|short
fast|slow
happy|sad
good|bad
day|night
up|down
left|right
open|closed
full|empty
light|dark
loud|quiet
hard|soft
wet|dry
old|new
clean|dirty
rich|poor
strong|weak
early|late
near|far
easy|difficult
heavy|light
long|short
high|low
in|out
on|off
yes|no
always|never
first|last
begin|end
come|go
give|take
push|pull
love|hate
laugh|cry
buy|sell
win|lose
start|stop
true|false
thick|thin
sweet|sour
brave|afraid
busy|free
asleep|awake
young|old
cheap|expensive
safe|dangerous
beautiful|ugly
smooth|rough
before|after
above|below
inside|outside
black|white
more|less
many|few
north|south
east|west
summer|winter
friend|enemy`,
);

/** Both directions; where a word has two opposites, the first one listed counts. */
const BOTH_WAYS: Row[] = [];
for (const { word, opposite } of [
  ...OPPOSITES,
  ...OPPOSITES.map((row) => ({ word: row.opposite!, opposite: row.word! })),
]) {
  if (!BOTH_WAYS.some((row) => row.word === word)) BOTH_WAYS.push({ word: word!, opposite: opposite! });
}

const REGULAR_NOUNS =
  'apple baby ball bird book box boy bus car cat cherry city country cow cup dog dress flower fox friend girl glass hand horse house key king lady leg letter lion party pencil potato queen story table tomato toy tree watch wish';
const PLURALS: Row[] = [...Object.keys(IRREGULAR_PLURALS), ...REGULAR_NOUNS.split(' ')].map((one) => ({
  one,
  many: plural(one),
}));

const PAST = relationTable(
  'verb past',
  `go|went
eat|ate
see|saw
run|ran
drink|drank
give|gave
take|took
make|made
sing|sang
write|wrote
come|came
find|found
sleep|slept
speak|spoke
swim|swam
buy|bought
think|thought
bring|brought
teach|taught
fly|flew
know|knew
grow|grew
draw|drew
sit|sat
play|played
walk|walked
help|helped
cook|cooked
jump|jumped
look|looked`,
);

const RHYMES = relationTable(
  'word rhyme',
  `cat|hat
dog|fog
house|mouse
tree|bee
sun|fun
moon|spoon
star|car
cake|lake
king|ring
boat|coat
bear|chair
fish|dish
night|light
day|play
red|bed
book|cook
ball|wall
rain|train
snow|grow
nose|rose`,
);

const SAME = relationTable(
  'word same',
  `big|large
small|little
happy|glad
fast|quick
begin|start
end|finish
smart|clever
sick|ill
quiet|silent
scared|afraid
present|gift
road|street
stone|rock
pretty|beautiful
speak|talk`,
);

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const NEXT_LETTERS: Row[] = Array.from(LETTERS.slice(0, -1), (letter, index) => ({
  letter,
  next: LETTERS[index + 1]!,
}));

export const wordRelations: readonly Relation[] = [
  {
    id: 'opposite',
    topic: 'words',
    rows: BOTH_WAYS,
    ask: [
      'What is the opposite of {word}?',
      'Tell me the opposite of {word}.',
      'Which word is the opposite of {word}?',
      'What is the opposite of the word {word}?',
      'What word means the opposite of {word}?',
    ],
    curt: ['{opposite}.'],
    full: ['The opposite of {word} is {opposite}.', '{opposite} is the opposite of {word}.'],
    follow: ['And of {word}?', 'And the opposite of {word}?'],
  },
  {
    id: 'plural',
    topic: 'words',
    rows: PLURALS,
    ask: [
      'What is the plural of {one}?',
      'Tell me the plural of {one}.',
      'What do you call more than one {one}?',
      'One {one}, two what?',
      'How do you write the plural of {one}?',
    ],
    curt: ['{many}.'],
    full: ['The plural of {one} is {many}.', 'You say one {one}, but two {many}.'],
    follow: ['And of {one}?', 'And the plural of {one}?'],
  },
  {
    id: 'past',
    topic: 'words',
    rows: PAST,
    ask: [
      'What is the past tense of {verb}?',
      'What is the past of {verb}?',
      'Tell me the past tense of {verb}.',
      'How do you say {verb} in the past?',
    ],
    curt: ['{past}.'],
    full: ['The past tense of {verb} is {past}.', 'Today I {verb}, yesterday I {past}.'],
    follow: ['And of {verb}?'],
  },
  {
    id: 'rhyme',
    topic: 'words',
    rows: RHYMES,
    ask: [
      'What rhymes with {word}?',
      'Which word rhymes with {word}?',
      'Tell me a word that rhymes with {word}.',
      'Find a rhyme for {word}.',
    ],
    curt: ['{rhyme}.'],
    full: ['A word that rhymes with {word} is {rhyme}.', '{rhyme} rhymes with {word}.'],
  },
  {
    id: 'same-meaning',
    topic: 'words',
    rows: SAME,
    ask: [
      'What is another word for {word}?',
      'Which word means the same as {word}?',
      'Tell me another word for {word}.',
      'What word is like {word}?',
    ],
    curt: ['{same}.'],
    full: ['Another word for {word} is {same}.', '{same} means the same as {word}.'],
  },
  {
    id: 'next-letter',
    topic: 'words',
    rows: NEXT_LETTERS,
    ask: [
      'What letter comes after {letter}?',
      'Which letter comes after {letter}?',
      'What is the next letter after {letter}?',
      'What letter follows {letter}?',
    ],
    curt: ['{next}.'],
    full: ['The letter after {letter} is {next}.', 'After the letter {letter} comes {next}.'],
    follow: ['And after {letter}?'],
  },
  {
    id: 'letter-before',
    topic: 'words',
    rows: NEXT_LETTERS,
    ask: [
      'What letter comes before {next}?',
      'Which letter comes before {next}?',
      'What is the letter before {next}?',
      'What letter is right before {next}?',
    ],
    curt: ['{letter}.'],
    full: ['The letter before {next} is {letter}.', 'Before the letter {next} comes {letter}.'],
  },
];
