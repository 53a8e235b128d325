import { failed, syntaxProblem } from '../problem.ts';
import type {
  CallBlockNode,
  Expression,
  FilterBlockNode,
  FilterNode,
  IfNode,
  SetBlockNode,
  Statement,
  WithNode,
} from '../language/nodes.ts';
import { textOf } from '../python/equality.ts';
import { toText } from '../python/print.ts';
import { isTrue } from '../python/truth.ts';
import { typeName, type Value } from '../python/values.ts';
import { compileCall, compileExpression, compileFilter } from './expressions.ts';
import {
  enterFrame,
  innerScope,
  leaveFrame,
  write,
  type Evaluate,
  type Frame,
  type Output,
  type Run,
  type Scope,
} from './frame.ts';
import { compileFor } from './loops.ts';
import { compileMacro } from './macros.ts';
import { analyzeBody, analyzeFilterBlock, analyzeWith, slotOf } from './symbols.ts';
import { compileCheck, compileTarget } from './targets.ts';

/** Statements that run one after the other, until one of them ends a turn of a loop. */
export function compileBody(body: readonly Statement[], scope: Scope): Run {
  const runs = body.map((statement) => compileStatement(statement, scope));
  if (runs.length === 1) return runs[0]!;
  return (frame, output) => {
    for (const run of runs) {
      const signal = run(frame, output);
      if (signal !== 'next') return signal;
    }
    return 'next';
  };
}

/** A statement that notes its line, so that problems can name it. */
function compileStatement(node: Statement, scope: Scope): Run {
  const run = compileKind(node, scope);
  const { line } = node;
  return (frame, output) => {
    frame.machine.line = line;
    return run(frame, output);
  };
}

function compileKind(node: Statement, scope: Scope): Run {
  switch (node.kind) {
    case 'output':
      return compileOutput(node.parts, scope);
    case 'set': {
      const [check, value, assign] = [
        compileCheck(node.target, scope),
        compileExpression(node.value, scope),
        compileTarget(node.target, scope),
      ];
      return (frame) => {
        check(frame);
        assign(frame, value(frame));
        return 'next';
      };
    }
    case 'if':
      return compileIf(node, { ...scope, isSoft: true });
    case 'for':
      return compileFor(node, scope, compileBody);
    case 'macro': {
      const [macro, assign] = [
        compileMacro(node, scope, compileBody),
        compileTarget({ kind: 'name', name: node.name, line: node.line }, scope),
      ];
      return (frame) => {
        assign(frame, macro(frame));
        return 'next';
      };
    }
    case 'call-block':
      return compileCallBlock(node, scope);
    case 'with':
      return compileWith(node, scope);
    case 'filter-block':
      return compileFilterBlock(node, scope);
    case 'set-block':
      return compileSetBlock(node, scope);
    case 'break':
    case 'continue': {
      if (!scope.isInLoop) throw syntaxProblem(`'${node.kind}' outside loop`, node.line);
      const signal = node.kind;
      return () => signal;
    }
  }
}

function compileOutput(parts: readonly (string | Expression)[], scope: Scope): Run {
  const writers = parts.map((part): ((frame: Frame, output: Output) => void) => {
    if (typeof part === 'string') return ({ machine }, output) => write(machine, output, part);
    const [value, { line }] = [compileExpression(part, scope), part];
    return (frame, output) => {
      frame.machine.line = line;
      write(frame.machine, output, toText(frame.machine, value(frame)));
    };
  });
  return (frame, output) => {
    for (const writer of writers) writer(frame, output);
    return 'next';
  };
}

function compileIf({ branches, otherwise }: IfNode, scope: Scope): Run {
  const compiled = branches.map(({ test, body, line }) => ({
    test: compileExpression(test, scope),
    run: compileBody(body, scope),
    line,
  }));
  const last = compileBody(otherwise, scope);
  return (frame, output) => {
    for (const { test, run, line } of compiled) {
      frame.machine.line = line;
      if (isTrue(test(frame))) return run(frame, output);
    }
    return last(frame, output);
  };
}

/** What a block writes must be text: Jinja joins it as it is. */
function needText(value: Value): string {
  const text = textOf(value);
  if (text === undefined) throw failed(`a block must give text, not ${typeName(value)}`);
  return text;
}

/** The generation tag is a call block whose call gives back its body. */
function compileCallBlock(node: CallBlockNode, scope: Scope): Run {
  const caller = compileMacro(node, scope, compileBody);
  const call: Evaluate =
    node.call === undefined ? (frame) => callerText(caller(frame)) : compileCall(node.call, scope, caller);
  return (frame, output) => {
    write(frame.machine, output, needText(call(frame)));
    return 'next';
  };
}

function callerText(caller: Value): Value {
  const { call } = caller as {
    readonly call?: (given: { positional: Value[]; keywords: ReadonlyMap<string, Value> }) => Value;
  };
  return call!({ positional: [], keywords: new Map() });
}

function compileWith(node: WithNode, scope: Scope): Run {
  const inner = innerScope(scope);
  analyzeWith(inner.symbols, node);
  const bindings = node.bindings.map(([target, value]) => ({
    assign: compileTarget(target, inner),
    value: compileExpression(value, scope),
  }));
  const [enter, run, leave] = [enterFrame(inner), compileBody(node.body, inner), leaveFrame(inner)];
  return (frame, output) => {
    enter(frame);
    for (const { assign, value } of bindings) assign(frame, value(frame));
    const signal = run(frame, output);
    leave(frame);
    return signal;
  };
}

/** The filters of a block over its text, which waits in a slot of its own. */
function compileBlockFilter(node: FilterNode, scope: Scope): { readonly slot: number; readonly apply: Evaluate } {
  const slot = slotOf(scope.symbols, `${node.line} block`);
  const valueOf = (inner: FilterNode): Evaluate => {
    if (inner.value === undefined) return (frame) => frame.slots[slot]!;
    return compileFilter(inner.value as FilterNode, scope, valueOf(inner.value as FilterNode));
  };
  return { slot, apply: compileFilter(node, scope, valueOf(node)) };
}

function compileFilterBlock(node: FilterBlockNode, scope: Scope): Run {
  const inner = innerScope(scope);
  analyzeFilterBlock(inner.symbols, node.body, node.filter);
  const [enter, run, leave] = [enterFrame(inner), compileBody(node.body, inner), leaveFrame(inner)];
  const { slot, apply } = compileBlockFilter(node.filter, inner);
  return (frame, output) => {
    enter(frame);
    const buffer: Output = { text: '' };
    const signal = run(frame, buffer);
    if (signal !== 'next') return signal;
    frame.slots[slot] = buffer.text;
    write(frame.machine, output, needText(apply(frame)));
    leave(frame);
    return 'next';
  };
}

function compileSetBlock(node: SetBlockNode, scope: Scope): Run {
  const inner = innerScope(scope);
  analyzeBody(inner.symbols, node.body);
  const [enter, run, leave] = [enterFrame(inner), compileBody(node.body, inner), leaveFrame(inner)];
  const filtered = node.filter === undefined ? undefined : compileBlockFilter(node.filter, inner);
  const assign = compileTarget(node.target, scope);
  return (frame) => {
    enter(frame);
    const buffer: Output = { text: '' };
    const signal = run(frame, buffer);
    if (signal !== 'next') return signal;
    if (filtered !== undefined) frame.slots[filtered.slot] = buffer.text;
    assign(frame, filtered === undefined ? buffer.text : filtered.apply(frame));
    leave(frame);
    return 'next';
  };
}
