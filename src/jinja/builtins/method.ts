import { bind, signature } from '../python/arguments.ts';
import type { Machine } from '../machine.ts';
import { Callable, type Arguments, type Value } from '../python/values.ts';

/** A method of one of Python's types: what it makes of its object and the values of its parameters. */
export interface Method<T> {
  readonly call: (machine: Machine, self: T, given: Arguments) => Value;
}

/** A method with the parameters that `signature` describes. */
export function method<T>(
  parameters: string,
  run: (machine: Machine, self: T, values: readonly (Value | undefined)[]) => Value,
): (name: string) => Method<T> {
  const described = signature(parameters);
  return (name) => ({ call: (machine, self, given) => run(machine, self, bind(name, described, given)) });
}

/** The methods of a table by name. A map, so that no name finds what every JavaScript object has. */
export function methodTable<T>(
  entries: Readonly<Record<string, (name: string) => Method<T>>>,
): ReadonlyMap<string, Method<T>> {
  return new Map(Object.entries(entries).map(([name, make]) => [name, make(name)]));
}

/** The method as a value of the template. */
export function boundTo<T>(machine: Machine, self: T, name: string, { call }: Method<T>): Callable {
  return new Callable(name, (given) => call(machine, self, given));
}
