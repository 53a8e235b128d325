import { made, type Machine } from '../machine.ts';
import { unsupported } from '../problem.ts';
import { asDigitsOrName, bind, signature } from '../python/arguments.ts';
import { toText } from '../python/print.ts';
import { Markup, Undefined, type Arguments, type Value } from '../python/values.ts';
import { itemOf } from './attributes.ts';

/** A filter or a test: what it makes of the value before it and of the arguments in its brackets. */
export type Filter = (machine: Machine, value: Value, given: Arguments) => Value;

/** A filter with the parameters, behind the value, that `parameters` describes. */
export function filter(
  parameters: string,
  run: (machine: Machine, value: Value, values: readonly (Value | undefined)[]) => Value,
): (name: string) => Filter {
  const described = signature(parameters);
  return (name) => (machine, value, given) => run(machine, value, bind(name, described, given));
}

/** A filter that Python has and that is refused by name. */
export function refusedFilter(): (name: string) => Filter {
  return (name) => () => {
    throw unsupported(`the filter ${name}`);
  };
}

/** A filter that changes a text: of other values it takes what they print; a Markup stays one unless `isPlain`. */
export function textFilter(
  parameters: string,
  run: (machine: Machine, text: string, values: readonly (Value | undefined)[]) => string,
  isPlain = false,
): (name: string) => Filter {
  return filter(parameters, (machine, value, values) => {
    const text = made(machine, run(machine, toText(machine, value), values));
    return value instanceof Markup && !isPlain ? new Markup(text) : text;
  });
}

/** What `attribute='a.b.0'` reaches in a value; parts that are digits are places in lists. */
export function attributeGetter(
  machine: Machine,
  attribute: Value | undefined,
  otherwise: Value = null,
): (value: Value) => Value {
  const parts = partsOf(attribute);
  return (value) => {
    let reached = value;
    for (const part of parts) {
      reached = itemOf(machine, reached, part);
      if (otherwise !== null && reached instanceof Undefined) reached = otherwise;
    }
    return reached;
  };
}

export function partsOf(attribute: Value | undefined): Value[] {
  if (attribute === undefined || attribute === null) return [];
  return typeof attribute === 'string' ? attribute.split('.').map(asDigitsOrName) : [attribute];
}

/** Texts in lower case, for orders that do not look at case. */
export function ignoringCase(value: Value): Value {
  return typeof value === 'string' ? value.toLowerCase() : value;
}
