import type { Relation } from '../relation.ts';
import type { Row } from '../template.ts';

const LIMIT = 20;
const NUMBER_WORDS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  );

/** Rows of strings from integers. */
function numberRow(values: Readonly<Record<string, number>>): Row {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

const SUMS: Row[] = [];
const DIFFERENCES: Row[] = [];
const ORDERED: Row[] = [];
for (let a = 0; a <= LIMIT; a++) {
  for (let b = 0; b <= LIMIT; b++) {
    if (a + b <= LIMIT) SUMS.push(numberRow({ a, b, result: a + b }));
    if (b <= a) DIFFERENCES.push(numberRow({ a, b, result: a - b }));
    if (a !== b && (a * 3 + b) % 4 === 0) ORDERED.push(numberRow({ a, b, high: Math.max(a, b), low: Math.min(a, b) }));
  }
}

const PRODUCTS: Row[] = [];
for (let a = 1; a <= 10; a++) {
  for (let b = 1; b <= 10; b++) if (a * b <= LIMIT) PRODUCTS.push(numberRow({ a, b, result: a * b }));
}

const SINGLES: Row[] = NUMBER_WORDS.map((word, n) => ({
  ...numberRow({ n, next: n + 1, before: n - 1, double: 2 * n }),
  word,
  parity: n % 2 === 0 ? 'even' : 'odd',
  other: n % 2 === 0 ? 'odd' : 'even',
  list: Array.from({ length: n }, (_, index) => index + 1).join(', '),
}));
const COUNTABLE = SINGLES.slice(2);

export const numberRelations: readonly Relation[] = [
  {
    id: 'add',
    topic: 'numbers',
    rows: SUMS,
    ask: [
      'What is {a} plus {b}?',
      'How much is {a} plus {b}?',
      'What is {a} + {b}?',
      'What do I get if I add {a} and {b}?',
      'Add {a} and {b}.',
      'What is the sum of {a} and {b}?',
    ],
    curt: ['{result}.'],
    full: ['{a} plus {b} is {result}.', '{a} + {b} = {result}.'],
    follow: ['And {a} plus {b}?'],
  },
  {
    id: 'subtract',
    topic: 'numbers',
    rows: DIFFERENCES,
    ask: [
      'What is {a} minus {b}?',
      'How much is {a} minus {b}?',
      'What is {a} - {b}?',
      'Take {b} away from {a}. What is left?',
      'What is left of {a} if I take away {b}?',
    ],
    curt: ['{result}.'],
    full: ['{a} minus {b} is {result}.', '{a} - {b} = {result}.'],
    follow: ['And {a} minus {b}?'],
  },
  {
    id: 'multiply',
    topic: 'numbers',
    rows: PRODUCTS,
    ask: [
      'What is {a} times {b}?',
      'How much is {a} times {b}?',
      'Tell me what {a} times {b} is.',
      'How many are {a} times {b}?',
    ],
    curt: ['{result}.'],
    full: ['{a} times {b} is {result}.'],
    follow: ['And {a} times {b}?'],
  },
  {
    id: 'bigger-number',
    topic: 'numbers',
    rows: ORDERED,
    ask: [
      'Which is bigger, {a} or {b}?',
      'Which number is bigger, {a} or {b}?',
      'What is more, {a} or {b}?',
      'Is {a} or {b} the bigger number?',
    ],
    curt: ['{high}.'],
    full: ['{high} is bigger than {low}.', 'The bigger number is {high}.'],
  },
  {
    id: 'smaller-number',
    topic: 'numbers',
    rows: ORDERED,
    ask: [
      'Which is smaller, {a} or {b}?',
      'Which number is smaller, {a} or {b}?',
      'What is less, {a} or {b}?',
      'Is {a} or {b} the smaller number?',
    ],
    curt: ['{low}.'],
    full: ['{low} is smaller than {high}.', 'The smaller number is {low}.'],
  },
  {
    id: 'next-number',
    topic: 'numbers',
    rows: SINGLES,
    ask: [
      'What number comes after {n}?',
      'Which number comes after {n}?',
      'What comes after {n}?',
      'What is the next number after {n}?',
    ],
    curt: ['{next}.'],
    full: ['The number after {n} is {next}.', 'After {n} comes {next}.'],
    follow: ['And after {n}?'],
  },
  {
    id: 'number-before',
    topic: 'numbers',
    rows: SINGLES.slice(1),
    ask: [
      'What number comes before {n}?',
      'Which number comes before {n}?',
      'What comes before {n}?',
      'What is the number right before {n}?',
    ],
    curt: ['{before}.'],
    full: ['The number before {n} is {before}.', 'Before {n} comes {before}.'],
  },
  {
    id: 'double',
    topic: 'numbers',
    rows: SINGLES.slice(1, 11),
    ask: ['What is two times {word}?', 'What is the double of {n}?', 'Double {n}.', 'What is {n} doubled?'],
    curt: ['{double}.'],
    full: ['The double of {n} is {double}.'],
  },
  {
    id: 'half',
    topic: 'numbers',
    rows: SINGLES.slice(1, 11),
    ask: [
      'What is half of {double}?',
      'How much is half of {double}?',
      'Tell me half of {double}.',
      'What is the half of {double}?',
    ],
    curt: ['{n}.'],
    full: ['Half of {double} is {n}.'],
  },
  {
    id: 'parity',
    topic: 'numbers',
    rows: SINGLES,
    ask: [
      'Is {n} even or odd?',
      'Is {n} odd or even?',
      'Is the number {n} even or odd?',
      'Tell me if {n} is even or odd.',
    ],
    curt: ['{parity}.'],
    full: ['{n} is {parity}.', 'The number {n} is {parity}, not {other}.'],
    follow: ['And {n}?'],
  },
  {
    id: 'count',
    topic: 'numbers',
    rows: COUNTABLE,
    ask: ['Count to {n}.', 'Can you count to {n}?', 'Please count to {n}.', 'Count from 1 to {n}.'],
    curt: ['{list}.'],
    full: ['I can count to {n}: {list}.', 'Here are the numbers from 1 to {n}: {list}.'],
  },
  {
    id: 'number-word',
    topic: 'numbers',
    rows: SINGLES,
    ask: [
      'How do you write {n} as a word?',
      'What is {n} in words?',
      'Write the number {n} as a word.',
      'Spell the number {n}.',
    ],
    curt: ['{word}.'],
    full: ['The number {n} is written {word}.', 'As a word, {n} is {word}.'],
  },
];
