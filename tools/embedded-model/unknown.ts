import { fillTemplate, pick, WORLD, type Relation } from '../../src/quickstart/index.ts';
import { internal, type Random } from '../../src/core/index.ts';

const STARTS = [
  'bor',
  'zan',
  'mel',
  'tur',
  'vik',
  'lom',
  'gar',
  'pel',
  'dru',
  'kes',
  'fon',
  'wib',
  'nar',
  'sto',
  'ulm',
  'jav',
];
const MIDDLES = ['a', 'o', 'i', 'ela', 'uno', 'ari', 'ovi', 'umba'];
const COUNTRY_ENDS = ['land', 'via', 'stan', 'nia', 'dor', 'goria'];
const THING_ENDS = ['k', 'x', 'ple', 'zzle', 'nt', 'mp', 'g', 'ddle'];

/** Relations of one named thing, the column of its name, and whether it is a country. */
const SUBJECTS: readonly { readonly relation: string; readonly column: string; readonly country: boolean }[] = [
  { relation: 'capital', column: 'country', country: true },
  { relation: 'continent', column: 'country', country: true },
  { relation: 'language', column: 'country', country: true },
  { relation: 'known-for', column: 'country', country: true },
  { relation: 'sound', column: 'animal', country: false },
  { relation: 'home', column: 'animal', country: false },
  { relation: 'eats', column: 'animal', country: false },
  { relation: 'use', column: 'tool', country: false },
  { relation: 'category', column: 'thing', country: false },
  { relation: 'opposite', column: 'word', country: false },
];

function relationNamed(id: string): Relation {
  const found = WORLD.find((relation) => relation.id === id);
  if (found === undefined) throw internal(`the world has no relation '${id}'`);
  return found;
}

/** A question about something that does not exist: `What is the capital of Zanovia?` */
export function unknownQuestion(random: Random): string {
  const { relation, column, country } = pick(SUBJECTS, random);
  const stem = pick(STARTS, random) + pick(MIDDLES, random);
  const name = country
    ? stem[0]!.toUpperCase() + stem.slice(1) + pick(COUNTRY_ENDS, random)
    : stem + pick(THING_ENDS, random);
  return fillTemplate(pick(relationNamed(relation).ask, random), { [column]: name });
}

/** The relation whose answers say that the model does not know. */
export const UNKNOWN_RELATION = relationNamed('unknown');
