import { charge, MAX_CALL_DEPTH } from '../machine.ts';
import { failed, syntaxProblem, tooMuch } from '../problem.ts';
import { undeclaredNames } from '../language/names.ts';
import type { CallBlockNode, MacroNode } from '../language/nodes.ts';
import { hashKey } from '../python/equality.ts';
import { repr } from '../python/print.ts';
import { Dict, Instance, Tuple, Undefined, type Arguments, type Value } from '../python/values.ts';
import { compileExpression } from './expressions.ts';
import {
  createFrame,
  enterFrame,
  functionScope,
  type CompileBody,
  type Evaluate,
  type Frame,
  type Output,
  type Run,
  type Scope,
} from './frame.ts';
import { analyzeMacro, createFunctionScope, declareParameter, slotOf, type FunctionScope } from './symbols.ts';

interface Compiled {
  readonly name: string | null;
  readonly owner: FunctionScope;
  readonly parameters: readonly {
    readonly name: string;
    readonly slot: number;
    readonly otherwise: Evaluate | undefined;
  }[];
  /** Slots of what a body may name without declaring it. */
  readonly caller: number | undefined;
  readonly keywords: number | undefined;
  readonly rest: number | undefined;
  readonly enter: (frame: Frame) => void;
  readonly run: Run;
}

/** A macro, or what a call block gives as `caller`, as a value that is made where the block runs. */
export function compileMacro(node: MacroNode | CallBlockNode, scope: Scope, compileBody: CompileBody): Evaluate {
  const owner = createFunctionScope(scope.owner);
  const inner = functionScope(scope, owner);
  const { symbols } = inner;
  analyzeMacro(symbols, node.parameters, node.body);
  const named = new Set(node.parameters.map(({ name }) => name));
  const wanted = undeclaredNames(node.body, ['caller', 'kwargs', 'varargs']);
  if (
    wanted.has('caller') &&
    node.parameters.some(({ name, otherwise }) => name === 'caller' && otherwise === undefined)
  )
    throw syntaxProblem(
      'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.',
      node.line,
    );
  const special = (name: string): number | undefined => {
    if (!wanted.has(name) || named.has(name)) return undefined;
    declareParameter(symbols, name);
    return slotOf(symbols, name);
  };
  const [caller, keywords, rest] = [special('caller'), special('kwargs'), special('varargs')];
  analyzeMacro(symbols, node.parameters, node.body);
  const compiled: Compiled = {
    name: node.kind === 'macro' ? node.name : null,
    owner,
    parameters: node.parameters.map(({ name, otherwise }) => ({
      name,
      slot: slotOf(symbols, name),
      otherwise: otherwise && compileExpression(otherwise, inner),
    })),
    caller,
    keywords,
    rest,
    enter: enterFrame(inner),
    run: compileBody(node.body, inner),
  };
  return (frame) => createMacro(compiled, frame);
}

function createMacro(compiled: Compiled, frame: Frame): Instance {
  const { machine } = frame;
  const { name, parameters } = compiled;
  const attributes: Readonly<Record<string, () => Value>> = {
    name: () => name,
    arguments: () => new Tuple(parameters.map((parameter) => parameter.name)),
    catch_kwargs: () => compiled.keywords !== undefined,
    catch_varargs: () => compiled.rest !== undefined,
    caller: () => compiled.caller !== undefined,
    explicit_caller: () => parameters.some((parameter) => parameter.name === 'caller'),
  };
  return new Instance('Macro', {
    attribute: (attribute) => (Object.hasOwn(attributes, attribute) ? attributes[attribute]!() : undefined),
    repr: () => (name === null ? '<Macro anonymous>' : `<Macro ${repr(machine, name)}>`),
    call: (given) => callMacro(compiled, frame, given),
  });
}

function callMacro(compiled: Compiled, around: Frame, given: Arguments): string {
  const { machine } = around;
  charge(machine, 1);
  if (++machine.depth > MAX_CALL_DEPTH) throw tooMuch(`macros must call each other at most ${MAX_CALL_DEPTH} deep`);
  const { line } = machine;
  const frame = createFrame(compiled.owner, around);
  bindParameters(compiled, frame, given);
  compiled.enter(frame);
  for (const { name, slot, otherwise } of compiled.parameters)
    if (frame.slots[slot] === undefined) frame.slots[slot] = otherwise?.(frame) ?? defaultOf(otherwise, name);
  const output: Output = { text: '' };
  compiled.run(frame, output);
  machine.line = line;
  machine.depth--;
  return output.text;
}

/** None where that is the default, which `??` takes for nothing; undefined without one. */
function defaultOf(otherwise: Evaluate | undefined, name: string): Value {
  return otherwise === undefined ? new Undefined(`parameter '${name}' was not provided`) : null;
}

/** Source: Jinja 3.1, `Macro.__call__`. */
function bindParameters(compiled: Compiled, frame: Frame, { positional, keywords }: Arguments): void {
  const { parameters, name } = compiled;
  const named = new Map(keywords);
  parameters.forEach((parameter, at) => {
    if (at < positional.length) {
      frame.slots[parameter.slot] = positional[at];
      return;
    }
    frame.slots[parameter.slot] = named.get(parameter.name);
    named.delete(parameter.name);
  });
  const macro = name === null ? 'macro None' : `macro '${name}'`;
  if (compiled.caller !== undefined) {
    frame.slots[compiled.caller] = named.get('caller') ?? new Undefined('No caller defined');
    named.delete('caller');
  }
  if (compiled.keywords !== undefined) frame.slots[compiled.keywords] = dictOf(frame, named);
  else if (named.size > 0) throw failed(`${macro} takes no keyword argument '${Array.from(named.keys())[0]!}'`);
  if (compiled.rest !== undefined) frame.slots[compiled.rest] = new Tuple(positional.slice(parameters.length));
  else if (positional.length > parameters.length)
    throw failed(`${macro} takes not more than ${parameters.length} argument(s)`);
}

function dictOf({ machine }: Frame, named: ReadonlyMap<string, Value>): Dict {
  const dict = new Dict();
  for (const [key, value] of named) dict.set(hashKey(machine, key), key, value);
  return dict;
}
