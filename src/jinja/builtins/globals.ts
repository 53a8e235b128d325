import { charge, type Machine } from '../machine.ts';
import { TemplateProblem, failed, unsupported } from '../problem.ts';
import { bind, givenOr, signature, toIndex } from '../python/arguments.ts';
import { hashKey } from '../python/equality.ts';
import { iterate, toList } from '../python/iterate.ts';
import { repr, toText } from '../python/print.ts';
import {
  Callable,
  Dict,
  Instance,
  Range,
  Tuple,
  Undefined,
  typeName,
  type Arguments,
  type Value,
} from '../python/values.ts';
import { strftime } from './strftime.ts';

/** Jinja's sandbox allows a range this many numbers. */
const MAX_RANGE = 100_000;

function range({ positional, keywords }: Arguments): Range {
  if (keywords.size > 0) throw failed('range() takes no keyword arguments');
  if (positional.length < 1 || positional.length > 3) throw failed('range expected 1 to 3 arguments');
  for (const bound of positional)
    if (bound instanceof Undefined) throw failed("'Undefined' object cannot be interpreted as an integer");
  const [first, second, third] = positional.map(toIndex);
  const [start, stop, step] = second === undefined ? [0, first!, 1] : [first!, second, third ?? 1];
  if (step === 0) throw failed('range() arg 3 must not be zero');
  const made = new Range(start, stop, step);
  if (made.length > MAX_RANGE)
    throw failed(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`);
  if (![start, stop, step].every((bound) => Math.abs(bound) < 2 ** 52)) throw unsupported('a range beyond 2^52');
  return made;
}

/** dict(...): a mapping or pairs, then keywords. */
function makeDict(machine: Machine, { positional, keywords }: Arguments): Dict {
  if (positional.length > 1) throw failed(`dict expected at most 1 argument, got ${positional.length}`);
  const dict = new Dict();
  const [source] = positional;
  if (source instanceof Dict) for (const [hash, value] of source.values) dict.set(hash, source.keyOf(hash), value);
  else if (source !== undefined) {
    const next = iterate(machine, source);
    for (let pair = next(); pair !== undefined; pair = next()) {
      const [key, value, ...rest] = toList(machine, pair);
      if (key === undefined || value === undefined || rest.length > 0)
        throw failed('dictionary update sequence element must have length 2');
      dict.set(hashKey(machine, key), key, value);
    }
  }
  for (const [key, value] of keywords) dict.set(hashKey(machine, key), key, value);
  charge(machine, 1 + dict.size);
  return dict;
}

function checkName(name: Value): void {
  if (typeof name === 'string' && name.startsWith('_'))
    throw failed(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'.`);
}

function makeNamespace(machine: Machine, given: Arguments): Instance {
  const attributes = makeDict(machine, given);
  for (const key of attributes.keys()) checkName(key);
  return new Instance('Namespace', {
    attribute: (name) => attributes.values.get(name),
    assign: (name, value) => {
      checkName(name);
      attributes.set(name, name, value);
    },
    repr: () => `<Namespace ${repr(machine, attributes)}>`,
  });
}

function makeCycler({ positional, keywords }: Arguments): Instance {
  if (keywords.size > 0) throw failed('Cycler() got an unexpected keyword argument');
  if (positional.length === 0) throw failed('at least one item has to be provided');
  let at = 0;
  const parts: Readonly<Record<string, () => Value>> = {
    next: () =>
      new Callable('next', () => {
        const item = positional[at]!;
        at = (at + 1) % positional.length;
        return item;
      }),
    reset: () =>
      new Callable('reset', () => {
        at = 0;
        return null;
      }),
    current: () => positional[at]!,
    items: () => new Tuple(positional),
    pos: () => at,
  };
  return new Instance('Cycler', { attribute: (name) => (Object.hasOwn(parts, name) ? parts[name]!() : undefined) });
}

const JOINER = signature('sep?');

function makeJoiner(given: Arguments): Instance {
  const separator = givenOr(bind('Joiner', JOINER, given)[0], ', ');
  let isUsed = false;
  return new Instance('Joiner', {
    attribute: (name) => (name === 'sep' ? separator : name === 'used' ? isUsed : undefined),
    call: () => {
      if (isUsed) return separator;
      isUsed = true;
      return '';
    },
  });
}

const RAISE = signature('message');
const NOW = signature('format');

/** The functions that a template finds without being given them: Jinja's and those of Transformers. */
export function createGlobals(machine: Machine): ReadonlyMap<string, Value> {
  const functions: Readonly<Record<string, (given: Arguments) => Value>> = {
    range,
    cycler: makeCycler,
    joiner: makeJoiner,
    namespace: (given) => makeNamespace(machine, given),
    lipsum: () => {
      throw unsupported('lipsum, which is random,');
    },
    raise_exception: (given) => {
      throw new TemplateProblem('raised', toText(machine, bind('raise_exception', RAISE, given)[0]!));
    },
    strftime_now: (given) => {
      const [format] = bind('strftime_now', NOW, given);
      if (typeof format !== 'string') throw failed(`strftime() argument 1 must be str, not ${typeName(format!)}`);
      return strftime(machine.now, format);
    },
  };
  const dict = new Instance('TemplateDict', {
    attribute: (name) =>
      name === 'fromkeys'
        ? new Callable(name, () => {
            throw unsupported('dict.fromkeys()');
          })
        : undefined,
    call: (given) => makeDict(machine, given),
  });
  const named = Object.entries(functions).map(([name, call]): [string, Value] => [name, new Callable(name, call)]);
  return new Map<string, Value>([...named, ['dict', dict]]);
}
