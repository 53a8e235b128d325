import { hashString, internal } from '../core/index.ts';
import { fillTemplate, type Row } from './template.ts';

/** What a question is about; friendly closings speak of it. */
export type Topic =
  | 'animals'
  | 'body'
  | 'chat'
  | 'colors'
  | 'countries'
  | 'feelings'
  | 'food'
  | 'nature'
  | 'numbers'
  | 'people'
  | 'places'
  | 'things'
  | 'time'
  | 'weather'
  | 'words';

/**
 * One kind of question about one table of facts. Every template of `ask`, `curt`, `full` and `follow` is filled from a row.
 * All phrasings of `ask` mean the same, and so do all of `curt` and all of `full`.
 */
export interface Relation {
  readonly id: string;
  readonly topic: Topic;
  readonly rows: readonly Row[];
  readonly ask: readonly string[];
  /** The bare answer. */
  readonly curt: readonly string[];
  /** The answer as a whole sentence that stands without the question. */
  readonly full: readonly string[];
  /** The question again for another row, right after an answer: `And in Japan?`. */
  readonly follow?: readonly string[];
  /** `full` is friendly as it stands and takes no opening or closing: greetings, comfort, small talk. */
  readonly asIs?: boolean;
}

/** One question of the world: a relation and the position of a row in it. */
export interface Fact {
  readonly relation: Relation;
  readonly index: number;
}

/** Rows from text: one row a line, cells divided by `|`, columns named in order. Throws internal on a ragged line. */
export function relationTable(columns: string, text: string): Row[] {
  const names = columns.split(' ');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const cells = line.trim().split('|');
      if (cells.length !== names.length) throw internal(`table of ${columns}: the line '${line}' is ragged`);
      return Object.fromEntries(names.map((name, index) => [name, cells[index]!]));
    });
}

/** The rows whose value in `column` is not `-`, the mark for `has none`. */
export function having(rows: readonly Row[], column: string): Row[] {
  return rows.filter((row) => row[column] !== '-');
}

/** The rows whose value of `column` no other row has: what can be asked backwards with one right answer. */
export function uniqueBy(rows: readonly Row[], column: string): Row[] {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row[column]!, (counts.get(row[column]!) ?? 0) + 1);
  return rows.filter((row) => row[column] !== '-' && counts.get(row[column]!) === 1);
}

/** A question with one answer and no table. */
export function exchange(relation: Omit<Relation, 'rows'>): Relation {
  return { ...relation, rows: [{}] };
}

export interface YesNo {
  readonly id: string;
  readonly topic: Topic;
  readonly rows: readonly Row[];
  /** The column that the question states rightly or wrongly; `{said}` in `ask`. */
  readonly value: string;
  readonly ask: readonly string[];
  /** The truth as a clause without its full stop: `the capital of {country} is {capital}`. */
  readonly truth: string;
}

/**
 * Two relations with the same phrasings: one states each row's own value (yes), one the value of another row (no). The wrong
 * value is the first that differs, from 7 rows further on.
 */
export function yesNo({ id, topic, rows, value, ask, truth }: YesNo): Relation[] {
  const wrong = rows.map((row, index) => {
    for (let step = 0; step < rows.length; step++) {
      const other = rows[(index + 7 + step) % rows.length]![value]!;
      if (other !== row[value]) return { ...row, said: other };
    }
    throw internal(`yesNo ${id}: all rows have the same ${value}`);
  });
  const right = rows.map((row) => ({ ...row, said: row[value]! }));
  return [
    {
      id: `${id}-yes`,
      topic,
      rows: right,
      ask,
      curt: ['Yes.'],
      full: [`Yes, ${truth}.`, `Yes, that is right: ${truth}.`],
    },
    {
      id: `${id}-no`,
      topic,
      rows: wrong,
      ask,
      curt: ['No.'],
      full: [`No, ${truth}.`, `No, that is not right: ${truth}.`],
    },
  ];
}

/** A relation keeps its last phrasing for the held-out questions when it has at least this many. */
export const PHRASINGS_TO_HOLD_OUT_ONE = 4;

/** The phrasings that training may use. */
export function trainedPhrasings(relation: Relation): readonly string[] {
  return relation.ask.length < PHRASINGS_TO_HOLD_OUT_ONE ? relation.ask : relation.ask.slice(0, -1);
}

/** The phrasing that no training row uses, for any fact; undefined when the relation has too few. */
export function heldOutPhrasing(relation: Relation): string | undefined {
  return relation.ask.length < PHRASINGS_TO_HOLD_OUT_ONE ? undefined : relation.ask.at(-1);
}

/**
 * Whether training never asks this fact in this relation (about one in twenty, in relations of at least twelve rows). Prose
 * still tells it, so that the held-out questions measure whether what was read can be asked for.
 */
export function isHeldOutFact({ relation, index }: Fact): boolean {
  return relation.rows.length >= 12 && hashString(`${relation.id} ${index}`) % 20 === 0;
}

/** The row of a fact. */
export function factRow({ relation, index }: Fact): Row {
  const row = relation.rows[index];
  if (row === undefined) throw internal(`relation ${relation.id} has no row ${index}`);
  return row;
}

/** The question of a fact in one of its relation's phrasings. */
export function askFact(fact: Fact, phrasing: string): string {
  return fillTemplate(phrasing, factRow(fact));
}
