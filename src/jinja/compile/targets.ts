import { failed } from '../problem.ts';
import type { Target } from '../language/nodes.ts';
import { iterate, isIterable } from '../python/iterate.ts';
import { Instance, typeName, type Value } from '../python/values.ts';
import { frameAt, read, type Frame, type Scope } from './frame.ts';
import { placeOf, type Place } from './symbols.ts';

export type Assign = (frame: Frame, value: Value) => void;

/** An assignment to a name, a field of a namespace, or several, to which a value's items go. */
export function compileTarget(target: Target, scope: Scope): Assign {
  if (target.kind === 'targets') {
    const items = target.items.map((item) => compileTarget(item, scope));
    return (frame, value) => unpack(frame, value, items);
  }
  const place = placeOf(scope.symbols, scope.owner, target);
  if (target.kind === 'field') {
    const { field } = target;
    return (frame, value) => namespaceAt(frame, place).assign!(field, value);
  }
  const { depth, slot } = place;
  return (frame, value) => {
    frameAt(frame, depth).slots[slot] = value;
  };
}

/** Checks, before a value is evaluated, that fields are those of namespaces. */
export function compileCheck(target: Target, scope: Scope): (frame: Frame) => void {
  if (target.kind === 'name') return () => undefined;
  if (target.kind === 'targets') {
    const checks = target.items.filter(({ kind }) => kind !== 'name').map((item) => compileCheck(item, scope));
    return (frame) => checks.forEach((check) => check(frame));
  }
  const place = placeOf(scope.symbols, scope.owner, target);
  return (frame) => {
    namespaceAt(frame, place);
  };
}

function namespaceAt(frame: Frame, place: Place): Instance {
  const value = read(frame, place);
  if (value instanceof Instance && value.assign !== undefined) return value;
  throw failed('cannot assign attribute on non-namespace object');
}

function unpack(frame: Frame, value: Value, items: readonly Assign[]): void {
  if (!isIterable(value)) throw failed(`cannot unpack non-iterable ${typeName(value)} object`);
  const next = iterate(frame.machine, value);
  const values: Value[] = [];
  for (let item = next(); item !== undefined && values.length <= items.length; item = next()) values.push(item);
  if (values.length > items.length) throw failed(`too many values to unpack (expected ${items.length})`);
  if (values.length < items.length)
    throw failed(`not enough values to unpack (expected ${items.length}, got ${values.length})`);
  items.forEach((assign, at) => assign(frame, values[at]!));
}
