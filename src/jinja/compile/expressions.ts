import { attributeOf, callValue, itemOf } from '../builtins/attributes.ts';
import { DICT_METHODS } from '../builtins/container-methods.ts';
import type { Filter } from '../builtins/filter.ts';
import { FILTERS, TESTS } from '../builtins/filters.ts';
import { TEXT_METHODS } from '../builtins/text-methods.ts';
import { joinTexts } from '../machine.ts';
import { failed, syntaxProblem } from '../problem.ts';
import type { CallArguments, CallNode, CompareOperator, Expression, FilterNode, SliceNode } from '../language/nodes.ts';
import { arithmetic, signed } from '../python/arithmetic.ts';
import { equals, hashKey } from '../python/equality.ts';
import { contains, toList } from '../python/iterate.ts';
import { isOrdered } from '../python/order.ts';
import { toText } from '../python/print.ts';
import { remainder } from '../python/remainder.ts';
import { sliceOf } from '../python/slices.ts';
import { isTrue } from '../python/truth.ts';
import { Dict, NO_KEYWORDS, Tuple, Undefined, typeName, type Arguments, type Value } from '../python/values.ts';
import { frameAt, type Evaluate, type Frame, type Scope } from './frame.ts';
import { placeOf } from './symbols.ts';

/** An expression as a function of the frame. Throws syntax problems for filters and tests that do not exist. */
export function compileExpression(node: Expression, scope: Scope): Evaluate {
  const compile = (inner: Expression): Evaluate => compileExpression(inner, scope);
  switch (node.kind) {
    case 'constant': {
      const { value } = node;
      return () => value;
    }
    case 'name':
      return compileName(node, scope);
    case 'tuple': {
      const items = node.items.map(compile);
      return (frame) => new Tuple(items.map((item) => item(frame)));
    }
    case 'list': {
      const items = node.items.map(compile);
      return (frame) => items.map((item) => item(frame));
    }
    case 'dict':
      return compileDict(node.entries.map(([key, value]) => [compile(key), compile(value)]));
    case 'concat': {
      const items = node.items.map(compile);
      return (frame) =>
        joinTexts(
          frame.machine,
          items.map((item) => toText(frame.machine, item(frame))),
          '',
        );
    }
    case 'condition':
      return compileCondition(node, { ...scope, isSoft: true });
    case 'and': {
      const [left, right] = [compile(node.left), compile(node.right)];
      return (frame) => {
        const value = left(frame);
        return isTrue(value) ? right(frame) : value;
      };
    }
    case 'or': {
      const [left, right] = [compile(node.left), compile(node.right)];
      return (frame) => {
        const value = left(frame);
        return isTrue(value) ? value : right(frame);
      };
    }
    case 'not': {
      const value = compile(node.value);
      return (frame) => !isTrue(value(frame));
    }
    case 'sign': {
      const [value, { operator }] = [compile(node.value), node];
      return (frame) => signed(operator, value(frame));
    }
    case 'arithmetic': {
      const [left, right, { operator }] = [compile(node.left), compile(node.right), node];
      if (operator === '%') return (frame) => remainder(frame.machine, left(frame), right(frame));
      return (frame) => arithmetic(frame.machine, operator, left(frame), right(frame));
    }
    case 'compare':
      return compileCompare(
        compile(node.first),
        node.steps.map(([operator, value]) => [COMPARES[operator], compile(value)]),
      );
    case 'attribute': {
      const [value, { name }] = [compile(node.value), node];
      return (frame) => attributeOf(frame.machine, value(frame), name);
    }
    case 'item':
      return node.key.kind === 'slice'
        ? compileSlice(compile(node.value), node.key, scope)
        : compileItem(compile(node.value), compile(node.key));
    case 'slice':
      throw syntaxProblem('a slice must stand alone between its brackets', node.line);
    case 'call':
      return compileCall(node, scope);
    case 'filter':
    case 'test':
      return compileFilter(node, scope, node.value === undefined ? () => '' : compile(node.value));
  }
}

function compileName(node: Expression & { readonly kind: 'name' }, { symbols, owner }: Scope): Evaluate {
  const { depth, slot } = placeOf(symbols, owner, node);
  const message = `'${node.name}' is undefined`;
  if (depth === 0) return (frame) => frame.slots[slot] ?? absent(frame, slot, message);
  return (frame) => {
    const at = frameAt(frame, depth);
    return at.slots[slot] ?? absent(at, slot, message);
  };
}

/** None for a variable that is None, else undefined: the two look alike to `??`. */
function absent({ slots }: Frame, slot: number, message: string): Value {
  return slots[slot] === null ? null : new Undefined(message);
}

function compileDict(entries: readonly (readonly [Evaluate, Evaluate])[]): Evaluate {
  return (frame) => {
    const dict = new Dict();
    for (const [key, value] of entries) {
      const keyValue = key(frame);
      dict.set(hashKey(frame.machine, keyValue), keyValue, value(frame));
    }
    return dict;
  };
}

function compileCondition(node: Expression & { readonly kind: 'condition' }, scope: Scope): Evaluate {
  const [test, yes] = [compileExpression(node.test, scope), compileExpression(node.yes, scope)];
  const no = node.no === undefined ? undefined : compileExpression(node.no, scope);
  const message = `the inline if-expression on line ${node.line} evaluated to false and no else section was defined.`;
  return (frame) => {
    if (isTrue(test(frame))) return yes(frame);
    return no === undefined ? new Undefined(message) : no(frame);
  };
}

type Compare = (frame: Frame, left: Value, right: Value) => boolean;

const COMPARES: Readonly<Record<CompareOperator, Compare>> = {
  '==': ({ machine }, left, right) => equals(machine, left, right),
  '!=': ({ machine }, left, right) => !equals(machine, left, right),
  '<': ({ machine }, left, right) => isOrdered(machine, '<', [left, right]),
  '<=': ({ machine }, left, right) => isOrdered(machine, '<=', [left, right]),
  '>': ({ machine }, left, right) => isOrdered(machine, '>', [left, right]),
  '>=': ({ machine }, left, right) => isOrdered(machine, '>=', [left, right]),
  in: ({ machine }, left, right) => contains(machine, right, left),
  'not in': ({ machine }, left, right) => !contains(machine, right, left),
};

function compileCompare(first: Evaluate, steps: readonly (readonly [Compare, Evaluate])[]): Evaluate {
  const [compare, second] = steps[0]!;
  if (steps.length === 1) return (frame) => compare(frame, first(frame), second(frame));
  return (frame) => {
    let left = first(frame);
    for (const [holds, value] of steps) {
      const right = value(frame);
      if (!holds(frame, left, right)) return false;
      left = right;
    }
    return true;
  };
}

function compileItem(value: Evaluate, key: Evaluate): Evaluate {
  return (frame) => itemOf(frame.machine, value(frame), key(frame));
}

function compileSlice(value: Evaluate, { parts }: SliceNode, scope: Scope): Evaluate {
  const [start, stop, step] = parts.map((part) => (part === undefined ? () => null : compileExpression(part, scope)));
  return (frame) => {
    const sliced = value(frame);
    return sliceOf(frame.machine, sliced, { start: start!(frame), stop: stop!(frame), step: step!(frame) });
  };
}

/** The arguments of a call, evaluated. */
function compileArguments(given: CallArguments, scope: Scope): (frame: Frame) => Arguments {
  const positional = given.positional.map((value) => compileExpression(value, scope));
  const keywords = given.keywords.map(({ key, value }) => [key, compileExpression(value, scope)] as const);
  const rest = given.rest && compileExpression(given.rest, scope);
  const keywordRest = given.keywordRest && compileExpression(given.keywordRest, scope);
  if (keywords.length === 0 && rest === undefined && keywordRest === undefined)
    return (frame) => ({ positional: positional.map((value) => value(frame)), keywords: NO_KEYWORDS });
  return (frame) => {
    const values = positional.map((value) => value(frame));
    if (rest !== undefined) values.push(...toList(frame.machine, rest(frame)));
    const named = new Map<string, Value>();
    for (const [key, value] of keywords) named.set(key, value(frame));
    if (keywordRest !== undefined) addKeywords(named, keywordRest(frame));
    return { positional: values, keywords: named };
  };
}

function addKeywords(named: Map<string, Value>, given: Value): void {
  if (!(given instanceof Dict)) throw failed(`argument after ** must be a mapping, not ${typeName(given)}`);
  for (const [hash, value] of given.values) {
    const key = given.keyOf(hash);
    if (typeof key !== 'string') throw failed('keywords must be strings');
    if (named.has(key)) throw failed(`got multiple values for keyword argument '${key}'`);
    named.set(key, value);
  }
}

/** A call; `caller` is what a call block adds to its keywords. */
export function compileCall({ callee, given, line }: CallNode, scope: Scope, caller?: Evaluate): Evaluate {
  const evaluateArguments = compileArguments(given, scope);
  if (callee.kind === 'attribute' && caller === undefined)
    return compileMethod({ callee, line }, scope, evaluateArguments);
  const evaluateCallee = compileExpression(callee, scope);
  return (frame) => {
    const { machine } = frame;
    const called = evaluateCallee(frame);
    const values = evaluateArguments(frame);
    if (caller !== undefined && values.keywords.has('caller'))
      throw failed("got multiple values for keyword argument 'caller'");
    const keywords = caller === undefined ? values.keywords : new Map([...values.keywords, ['caller', caller(frame)]]);
    const result = callValue(machine, called, { positional: values.positional, keywords });
    machine.line = line;
    return result;
  };
}

/** `value.name(...)`: methods of texts and dicts are called without making a value of them first. */
function compileMethod(
  { callee, line }: { readonly callee: Expression & { readonly kind: 'attribute' }; readonly line: number },
  scope: Scope,
  evaluateArguments: (frame: Frame) => Arguments,
): Evaluate {
  const { name } = callee;
  const [ofText, ofDict] = [TEXT_METHODS.get(name), DICT_METHODS.get(name)];
  const self = compileExpression(callee.value, scope);
  return (frame) => {
    const { machine } = frame;
    const value = self(frame);
    if (typeof value === 'string' && ofText !== undefined) return ofText.call(machine, value, evaluateArguments(frame));
    if (value instanceof Dict && ofDict !== undefined) return ofDict.call(machine, value, evaluateArguments(frame));
    const called = attributeOf(machine, value, name);
    const result = callValue(machine, called, evaluateArguments(frame));
    machine.line = line;
    return result;
  };
}

/** A filter or test of a value that is evaluated elsewhere. */
export function compileFilter(node: FilterNode, scope: Scope, value: Evaluate): Evaluate {
  const { kind, name, line } = node;
  const found = (kind === 'filter' ? FILTERS : TESTS).get(name);
  if (found === undefined && !scope.isSoft) throw syntaxProblem(`No ${kind} named '${name}'.`, line);
  const apply: Filter =
    found ??
    (() => {
      throw failed(`No ${kind} named '${name}' found.`);
    });
  const evaluateArguments = compileArguments(node.given, scope);
  return (frame) => apply(frame.machine, value(frame), evaluateArguments(frame));
}
