import { charge, MAX_CALL_DEPTH } from '../machine.ts';
import { syntaxProblem, tooMuch } from '../problem.ts';
import { eachName, eachTarget, undeclaredNames, type NameUse } from '../language/names.ts';
import type { ForNode } from '../language/nodes.ts';
import { iterate } from '../python/iterate.ts';
import { isTrue } from '../python/truth.ts';
import { Iterator, type Value } from '../python/values.ts';
import { compileExpression } from './expressions.ts';
import { createFrame, enterFrame, functionScope, innerScope, leaveFrame, write } from './frame.ts';
import type { CompileBody, Evaluate, Frame, Output, Run, Scope, Signal } from './frame.ts';
import { createLoop } from './loop-state.ts';
import { analyzeFor, createFunctionScope, declareParameter, slotOf } from './symbols.ts';
import { compileTarget } from './targets.ts';

/** A for loop, with its test, its else, and the variable `loop` where the body names it. */
export function compileFor(node: ForNode, scope: Scope, compileBody: CompileBody): Run {
  checkNames(node);
  const items = compileExpression(node.items, scope);
  const filtered = node.test === undefined ? undefined : compileTest(node, scope);
  if (node.isRecursive) return compileRecursive(node, { scope, items, filtered }, compileBody);
  const turns = compileTurns(node, { body: innerScope(scope), otherwise: innerScope(scope) }, compileBody);
  return (frame, output) => {
    const given = items(frame);
    return turns(frame, output, {
      items: filtered === undefined ? given : filtered(frame, given),
      depth: 0,
      recurse: undefined,
    });
  };
}

/** Nothing within a loop may assign to `loop`. */
function checkNames(node: ForNode): void {
  eachTarget(node.target, 'store', checkName);
  eachName(node.body, checkName);
  eachName(node.otherwise, checkName);
}

function checkName(name: string, use: NameUse, line: number): void {
  if (use === 'store' && name === 'loop')
    throw syntaxProblem("Can't assign to special loop variable in for-loop target", line);
}

/** The items that pass the loop's test, each tested when its turn comes. The test is a function with variables of its own. */
function compileTest(node: ForNode, scope: Scope): (frame: Frame, items: Value) => Value {
  const owner = createFunctionScope(scope.owner);
  const inner = functionScope(scope, owner);
  analyzeFor(inner.symbols, node, 'test');
  const [assign, test, enter] = [
    compileTarget(node.target, inner),
    compileExpression(node.test!, inner),
    enterFrame(inner),
  ];
  return (frame, items) => {
    const own = createFrame(owner, frame);
    enter(own);
    const next = iterate(frame.machine, items);
    return new Iterator(() => {
      for (let item = next(); item !== undefined; item = next()) {
        assign(own, item);
        if (isTrue(test(own))) return item;
      }
      return undefined;
    });
  };
}

type Turns = (frame: Frame, output: Output, loop: Parameters<typeof createLoop>[1]) => Signal;

/** The turns of a loop, and its else, which also runs when every turn ended early. */
function compileTurns(
  node: ForNode,
  { body, otherwise }: { readonly body: Scope; readonly otherwise: Scope },
  compileBody: CompileBody,
): Turns {
  const hasLoop = node.isRecursive || undeclaredNames(node.body, ['loop']).has('loop');
  if (hasLoop) declareParameter(body.symbols, 'loop');
  analyzeFor(body.symbols, node, 'body');
  const inLoop = { ...body, isInLoop: true };
  const assign = compileTarget(node.target, inLoop);
  const run = compileBody(node.body, inLoop);
  const [enter, leave] = [enterFrame(inLoop), leaveFrame(inLoop)];
  const loopSlot = hasLoop ? slotOf(body.symbols, 'loop') : undefined;
  analyzeFor(otherwise.symbols, node, 'else');
  const runElse = node.otherwise.length === 0 ? undefined : compileBody(node.otherwise, otherwise);
  const [enterElse, leaveElse] = [enterFrame(otherwise), leaveFrame(otherwise)];
  return (frame, output, options) => {
    const { machine } = frame;
    const loop = loopSlot === undefined ? undefined : createLoop(machine, options);
    const next = loop === undefined ? iterate(machine, options.items) : () => loop.advance();
    let isElse = true;
    for (let item = next(); item !== undefined; item = next()) {
      assign(frame, item);
      if (loop !== undefined) frame.slots[loopSlot!] = loop.variable;
      enter(frame);
      const signal = run(frame, output);
      if (signal === 'break') break;
      if (signal === 'next') isElse = false;
    }
    leave(frame);
    if (!isElse || runElse === undefined) return 'next';
    enterElse(frame);
    const signal = runElse(frame, output);
    leaveElse(frame);
    return signal;
  };
}

interface RecursiveParts {
  readonly scope: Scope;
  readonly items: Evaluate;
  readonly filtered: ((frame: Frame, items: Value) => Value) | undefined;
}

/** A loop that its body can call with other items: a function that gives text. */
function compileRecursive(node: ForNode, { scope, items, filtered }: RecursiveParts, compileBody: CompileBody): Run {
  const owner = createFunctionScope(scope.owner);
  const turns = compileTurns(
    node,
    { body: functionScope(scope, owner), otherwise: functionScope(scope, owner) },
    compileBody,
  );
  const render = (frame: Frame, given: Value, depth: number): string => {
    const { machine } = frame;
    charge(machine, 1);
    if (++machine.depth > MAX_CALL_DEPTH)
      throw tooMuch(`loops must call themselves at most ${MAX_CALL_DEPTH} times within each other`);
    const output: Output = { text: '' };
    const own = createFrame(owner, frame);
    turns(own, output, {
      items: filtered === undefined ? given : filtered(frame, given),
      depth,
      recurse: (inner, innerDepth) => render(frame, inner, innerDepth),
    });
    machine.depth--;
    return output.text;
  };
  return (frame, output) => {
    write(frame.machine, output, render(frame, items(frame), 0));
    return 'next';
  };
}
