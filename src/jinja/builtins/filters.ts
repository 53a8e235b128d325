import { charge, type Machine } from '../machine.ts';
import { failed } from '../problem.ts';
import { hashKey, textOf } from '../python/equality.ts';
import { iterate } from '../python/iterate.ts';
import { isTrue } from '../python/truth.ts';
import { Iterator, typeName, type Arguments, type Next, type Value } from '../python/values.ts';
import { attributeOnly } from './attributes.ts';
import { attributeGetter, filter, type Filter } from './filter.ts';
import { NUMBER_FILTERS } from './filters-numbers.ts';
import { SEQUENCE_FILTERS } from './filters-sequences.ts';
import { TEXT_FILTERS } from './filters-text.ts';
import { PLAIN_TESTS } from './tests.ts';

/** A filter or test that another names in a text. Throws as Jinja does when there is none. */
function named(table: ReadonlyMap<string, Filter>, name: Value, kind: 'filter' | 'test'): Filter {
  const text = textOf(name);
  const found = text === undefined ? undefined : table.get(text);
  if (found === undefined) throw failed(`No ${kind} named ${text === undefined ? typeName(name) : `'${text}'`}.`);
  return found;
}

/** The items of a value, one by one, as a generator gives them: nothing happens before somebody asks. */
function generated(machine: Machine, value: Value, start: () => (item: Value) => Value | undefined): Iterator {
  let next: Next | undefined;
  let step: ((item: Value) => Value | undefined) | undefined;
  return new Iterator(() => {
    if (next === undefined) {
      if (!isTrue(value)) return undefined;
      step = start();
      next = iterate(machine, value);
    }
    for (let item = next(); item !== undefined; item = next()) {
      const given = step!(item);
      if (given !== undefined) return given;
    }
    return undefined;
  });
}

/** The map filter: an attribute of each item, or a filter applied to each. */
const map: Filter = (machine, value, { positional, keywords }) =>
  generated(machine, value, () => {
    if (positional.length === 0 && keywords.has('attribute')) {
      const extra = Array.from(keywords.keys()).find((name) => name !== 'attribute' && name !== 'default');
      if (extra !== undefined) throw failed(`Unexpected keyword argument '${extra}'`);
      return attributeGetter(machine, keywords.get('attribute'), keywords.get('default') ?? null);
    }
    const [name, ...rest] = positional;
    if (name === undefined) throw failed('map requires a filter argument');
    const given: Arguments = { positional: rest, keywords };
    return (item) => named(FILTERS, name, 'filter')(machine, item, given);
  });

/** select, reject, selectattr and rejectattr. */
function chosen(isWanted: boolean, byAttribute: boolean): Filter {
  return (machine, value, { positional, keywords }) =>
    generated(machine, value, () => {
      const [attribute, ...others] = byAttribute ? positional : [null, ...positional];
      if (attribute === undefined) throw failed('Missing parameter for attribute name');
      const get = byAttribute ? attributeGetter(machine, attribute) : (item: Value): Value => item;
      const [name, ...rest] = others;
      const given: Arguments = { positional: rest, keywords };
      return (item) => {
        const subject = get(item);
        const answer = name === undefined ? subject : named(TESTS, name, 'test')(machine, subject, given);
        return isTrue(answer) === isWanted ? item : undefined;
      };
    });
}

function namedAttribute(machine: Machine, value: Value, [name]: readonly (Value | undefined)[]): Value {
  const text = textOf(name!);
  if (text === undefined) throw failed('attribute name must be string');
  charge(machine, 1);
  return attributeOnly(machine, value, text);
}

const LISTED: Readonly<Record<string, (name: string) => Filter>> = {
  ...TEXT_FILTERS,
  ...NUMBER_FILTERS,
  ...SEQUENCE_FILTERS,
  attr: filter('name', namedAttribute),
  map: () => map,
  select: () => chosen(true, false),
  reject: () => chosen(false, false),
  selectattr: () => chosen(true, true),
  rejectattr: () => chosen(false, true),
};

function tableOf(entries: Readonly<Record<string, (name: string) => Filter>>): ReadonlyMap<string, Filter> {
  return new Map(Object.entries(entries).map(([name, make]) => [name, make(name)]));
}

/** Every filter of Jinja 3.1 and Transformers' tojson; some are refused when they are called. */
export const FILTERS: ReadonlyMap<string, Filter> = tableOf(LISTED);

/** Whether a table has this name: the tests filter and test. */
function hasName(table: () => ReadonlyMap<string, Filter>): (name: string) => Filter {
  return filter('', (machine, value) => {
    const hash = hashKey(machine, value);
    return typeof hash === 'string' && table().has(hash);
  });
}

/** Every test of Jinja 3.1. */
export const TESTS: ReadonlyMap<string, Filter> = tableOf({
  ...PLAIN_TESTS,
  filter: hasName(() => FILTERS),
  test: hasName(() => TESTS),
});
