import { internal, runFailed } from '../core/index.ts';
import type { TokenConstraint } from './constraint.ts';
import { createMachine, type Machine, type State } from './machine.ts';
import { maskOf } from './masks.ts';
import type { Grammar } from './node.ts';
import { specialSymbol } from './terminal.ts';
import type { Vocabulary } from './vocabulary.ts';

/** One machine for each grammar and vocabulary: what one answer has found out serves the next. */
const machines = new WeakMap<Grammar, WeakMap<Vocabulary, Machine>>();

function machineOf(grammar: Grammar, vocabulary: Vocabulary): Machine {
  let ofGrammar = machines.get(grammar);
  if (ofGrammar === undefined) machines.set(grammar, (ofGrammar = new WeakMap()));
  let machine = ofGrammar.get(vocabulary);
  if (machine === undefined) ofGrammar.set(vocabulary, (machine = createMachine(grammar)));
  return machine;
}

/**
 * Holds one answer to a grammar. Keep the grammar and the vocabulary: masks are remembered with them.
 *
 * `allowed` throws run-failed where no token of the vocabulary fits (one that lacks a byte the text needs), and when called behind the end.
 *
 * @example
 * ```ts run
 * import { compileSchema, constrain, createVocabulary } from 'preftune/grammar';
 *
 * const grammar = compileSchema({ enum: ['yes', 'no'] });
 * const bytes = ['<end>', '"', 'yes', 'no', 'maybe'].map((text) => new TextEncoder().encode(text));
 * const constraint = constrain(grammar, createVocabulary({ size: 5, bytes, stopIds: [0] }));
 * constraint.accept(1);
 * console.log(constraint.allowed()?.[0]?.toString(2), constraint.isComplete); // 1100 false
 * ```
 */
export function constrain(grammar: Grammar, vocabulary: Vocabulary): TokenConstraint {
  const machine = machineOf(grammar, vocabulary);
  const stops = new Set(vocabulary.stopIds);
  let state: State = machine.start;
  let isOver = false;
  return {
    allowed() {
      const mask = maskOf(machine, machine.clamped(state, vocabulary.trie.maxBytes), vocabulary);
      if (isOver || mask.every((word) => word === 0)) {
        throw runFailed(
          isOver
            ? 'grammar: nothing may come behind the token that ended the answer'
            : 'grammar: a token must exist that goes on with what the grammar asks for, got none; the vocabulary lacks a byte that the text needs',
        );
      }
      return mask;
    },
    accept(id) {
      const next = isOver ? undefined : stateBehind(machine, state, id, vocabulary);
      if (next !== undefined) {
        state = next;
        return;
      }
      if (isOver || !stops.has(id) || !state.isComplete) throw internal(`grammar: token ${id} was not allowed here`);
      isOver = true;
    },
    get isComplete() {
      return state.isComplete;
    },
  };
}

/** The state behind a token; undefined where it may not come. */
function stateBehind(machine: Machine, state: State, id: number, vocabulary: Vocabulary): State | undefined {
  const bytes = vocabulary.bytes[id];
  if (bytes === undefined) return machine.step(state, specialSymbol(id));
  let at: State | undefined = state;
  for (const byte of bytes) {
    if (at === undefined) return undefined;
    at = machine.step(at, byte);
  }
  return at;
}
