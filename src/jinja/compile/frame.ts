import { chargeText, checkLength, type Machine } from '../machine.ts';
import { createSymbols, placeOf, slotOf, type FunctionScope, type Place, type Symbols } from './symbols.ts';
import type { Statement } from '../language/nodes.ts';
import type { Value } from '../python/values.ts';

/** The variables of a function that runs. A slot that is undefined is a variable that is not there. */
export interface Frame {
  readonly machine: Machine;
  readonly slots: (Value | undefined)[];
  readonly parent: Frame | undefined;
  /** The variables that the template was given, and the functions that there are. */
  readonly variables: ReadonlyMap<string, Value>;
}

export function createFrame(owner: FunctionScope, parent: Frame): Frame {
  const { machine, variables } = parent;
  return { machine, variables, parent, slots: Array.from<Value | undefined>({ length: owner.size }) };
}

/** Where text is written. */
export interface Output {
  text: string;
}

export function write(machine: Machine, output: Output, text: string): void {
  output.text += text;
  chargeText(machine, text.length);
  checkLength(output.text.length);
}

/** What follows a statement: the next one, the end of the loop, or its next turn. */
export type Signal = 'next' | 'break' | 'continue';
export type Run = (frame: Frame, output: Output) => Signal;
export type Evaluate = (frame: Frame) => Value;

/** How loops and macros compile what is within them. */
export type CompileBody = (body: readonly Statement[], scope: Scope) => Run;

/** Where a statement or expression is compiled. */
export interface Scope {
  readonly symbols: Symbols;
  readonly owner: FunctionScope;
  /** Filters and tests that do not exist are found out when they are reached. */
  readonly isSoft: boolean;
  /** A loop of the same function is around. */
  readonly isInLoop: boolean;
}

/** A frame of its own within the same function. */
export function innerScope(scope: Scope): Scope {
  const symbols = createSymbols(scope.symbols, scope.owner);
  return { symbols, owner: scope.owner, isSoft: false, isInLoop: scope.isInLoop };
}

/** A frame in a function of its own. */
export function functionScope(scope: Scope, owner: FunctionScope): Scope {
  return { symbols: createSymbols(scope.symbols, owner), owner, isSoft: false, isInLoop: false };
}

export function frameAt(frame: Frame, depth: number): Frame {
  let at = frame;
  for (let left = depth; left > 0; left--) at = at.parent!;
  return at;
}

export function read(frame: Frame, { depth, slot }: Place): Value | undefined {
  return frameAt(frame, depth).slots[slot];
}

/** Sets the variables of a frame as they are at its start; a loop's body starts anew with every turn. */
export function enterFrame({ symbols, owner }: Scope): (frame: Frame) => void {
  const steps: ((frame: Frame) => void)[] = [];
  for (const [name, from] of symbols.loads) {
    const slot = slotOf(symbols, name);
    if (from === 'resolve') {
      steps.push((frame) => {
        frame.slots[slot] = frame.variables.get(name);
      });
    } else if (from === 'alias') {
      const place = placeOf(symbols.parent!, owner, { name, line: 1 });
      steps.push((frame) => {
        frame.slots[slot] = read(frame, place);
      });
    } else if (from === 'undefined') {
      steps.push((frame) => {
        frame.slots[slot] = undefined;
      });
    }
  }
  return (frame) => {
    for (const step of steps) step(frame);
  };
}

/** Ends the variables of a frame. */
export function leaveFrame({ symbols }: Scope): (frame: Frame) => void {
  const slots = Array.from(symbols.loads.keys(), (name) => slotOf(symbols, name));
  return (frame) => {
    for (const slot of slots) frame.slots[slot] = undefined;
  };
}
