import { relationTable, type Relation, type Row } from '../../../src/quickstart/index.ts';

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const ORDINALS = 'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth'.split(' ');
const SEASONS = ['spring', 'summer', 'autumn', 'winter'];

/** Each name of a cycle with its neighbours and its place. */
function cycle(names: readonly string[]): Row[] {
  return names.map((name, index) => ({
    name,
    next: names[(index + 1) % names.length]!,
    before: names.at(index - 1)!,
    place: ORDINALS[index]!,
  }));
}

const NEIGHBORS: Row[] = [DAYS, MONTHS, SEASONS].flatMap(cycle);
const DAY_ROWS = cycle(DAYS);
const PLACES: Row[] = [
  ...DAY_ROWS.map((row) => ({ ...row, unit: 'day', whole: 'week' })),
  ...cycle(MONTHS).map((row) => ({ ...row, unit: 'month', whole: 'year' })),
];

const MONTH_SEASONS: Row[] = MONTHS.map((month, index) => ({
  month,
  season: SEASONS[Math.floor(((index + 10) % 12) / 3)]!,
}));

const COUNTS = relationTable(
  'unit whole count',
  `day|week|7
month|year|12
season|year|4
week|year|52
day|year|365
hour|day|24
minute|hour|60
second|minute|60
week|month|4
year|century|100`,
);

const SEASON_WEATHER = relationTable(
  'season weather things',
  `spring|mild|flowers grow and birds sing
summer|hot|people swim and eat ice cream
autumn|windy|leaves fall from the trees
winter|cold|snow falls and people stay inside`,
);

const DAILY = relationTable(
  'when what',
  `in the morning|eat breakfast
at noon|eat lunch
in the evening|eat dinner
at night|sleep
after school|do homework
before bed|brush your teeth
on the weekend|rest
on your birthday|eat cake`,
);

export const timeRelations: readonly Relation[] = [
  {
    id: 'time-after',
    topic: 'time',
    rows: NEIGHBORS,
    ask: [
      'What comes after {name}?',
      'What comes right after {name}?',
      'Tell me what comes after {name}.',
      'What follows {name}?',
    ],
    curt: ['{next}.'],
    full: ['After {name} comes {next}.', '{next} comes after {name}.'],
    follow: ['And after {name}?'],
  },
  {
    id: 'time-before',
    topic: 'time',
    rows: NEIGHBORS,
    ask: [
      'What comes before {name}?',
      'What comes right before {name}?',
      'Tell me what comes before {name}.',
      'What is just before {name}?',
    ],
    curt: ['{before}.'],
    full: ['Before {name} comes {before}.', '{before} comes before {name}.'],
    follow: ['And before {name}?'],
  },
  {
    id: 'tomorrow',
    topic: 'time',
    rows: DAY_ROWS,
    ask: [
      'If today is {name}, what day is tomorrow?',
      'Today is {name}. What day is tomorrow?',
      'Today is {name}. What day comes next?',
      'It is {name} today. What is tomorrow?',
    ],
    curt: ['{next}.'],
    full: ['If today is {name}, tomorrow is {next}.'],
  },
  {
    id: 'yesterday',
    topic: 'time',
    rows: DAY_ROWS,
    ask: [
      'If today is {name}, what day was yesterday?',
      'Today is {name}. What day was yesterday?',
      'Today is {name}. Which day was it yesterday?',
      'It is {name} today. What was yesterday?',
    ],
    curt: ['{before}.'],
    full: ['If today is {name}, yesterday was {before}.'],
  },
  {
    id: 'place-in-time',
    topic: 'time',
    rows: PLACES,
    ask: [
      'What is the {place} {unit} of the {whole}?',
      'Which {unit} is the {place} of the {whole}?',
      'Tell me the {place} {unit} of the {whole}.',
      'Name the {place} {unit} of the {whole}.',
    ],
    curt: ['{name}.'],
    full: ['The {place} {unit} of the {whole} is {name}.', '{name} is the {place} {unit} of the {whole}.'],
  },
  {
    id: 'season-of-month',
    topic: 'time',
    rows: MONTH_SEASONS,
    ask: [
      'In which season is {month}?',
      'What season is it in {month}?',
      'Which season is it in {month}?',
      '{month} is in which season?',
    ],
    curt: ['{season}.', 'In {season}.'],
    full: ['{month} is in {season}.', 'In {month} it is {season}.'],
  },
  {
    id: 'time-count',
    topic: 'time',
    rows: COUNTS,
    ask: [
      'How many {unit|s} are in {whole|a}?',
      'How many {unit|s} does {whole|a} have?',
      'How many {unit|s} are there in {whole|a}?',
      'Tell me how many {unit|s} {whole|a} has.',
    ],
    curt: ['{count}.'],
    full: ['There are {count} {unit|s} in {whole|a}.', '{whole|a} has {count} {unit|s}.'],
  },
  {
    id: 'season-weather',
    topic: 'weather',
    rows: SEASON_WEATHER,
    ask: [
      'What is the weather like in {season}?',
      'How is the weather in {season}?',
      'What is {season} like?',
      'Tell me about {season}.',
      'What happens in {season}?',
    ],
    curt: ['It is {weather}.'],
    full: ['In {season} it is {weather}, and {things}.', 'In {season}, {things}. The weather is {weather}.'],
  },
  {
    id: 'daily',
    topic: 'time',
    rows: DAILY,
    ask: [
      'What do people do {when}?',
      'What do you do {when}?',
      'What should I do {when}?',
      'What is a good thing to do {when}?',
    ],
    curt: ['{what}.'],
    full: ['People {what} {when}.', 'A good thing to do {when} is to {what}.'],
  },
  {
    id: 'list-days',
    topic: 'time',
    rows: [
      { unit: 'days', whole: 'week', list: `${DAYS.slice(0, -1).join(', ')}, and Sunday` },
      { unit: 'seasons', whole: 'year', list: 'spring, summer, autumn, and winter' },
      { unit: 'months', whole: 'year', list: `${MONTHS.slice(0, -1).join(', ')}, and December` },
    ],
    ask: [
      'Name the {unit} of the {whole}.',
      'What are the {unit} of the {whole}?',
      'Tell me the {unit} of the {whole}.',
      'List the {unit} of the {whole}.',
    ],
    curt: ['{list}.'],
    full: ['The {unit} of the {whole} are {list}.'],
  },
];
