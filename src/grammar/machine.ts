import { runFailed, unreachable } from '../core/index.ts';
import { recount, type Grammar, type Node } from './node.ts';
import type { TerminalState } from './terminal.ts';

/**
 * What is to come behind a terminal: any of `items`, each with what is to come behind it; or the end of the text. Stacks that continue alike share it, so that
 * ambiguous grammars cost as much as they have places, not as many as they have readings.
 */
export interface Rest {
  readonly id: number;
  readonly items: readonly { readonly node: Node; readonly rest: Rest }[];
  readonly isEnd: boolean;
  /** The longest way to the end of the text, in rests. */
  readonly depth: number;
}

/** All the places in a grammar where a text may stand. */
export interface State {
  readonly id: number;
  readonly branches: readonly Branch[];
  /** The text may end here. */
  readonly isComplete: boolean;
}

export interface Branch {
  readonly terminal: TerminalState;
  readonly rest: Rest;
}

/** A pushdown automaton over bytes that follows all readings at once, with its states and steps remembered. */
export interface Machine {
  readonly start: State;
  /** The state behind a byte or a special token (`specialSymbol`); undefined where it may not come. */
  step(state: State, symbol: number): State | undefined;
  /** The state behind the end of a terminal. */
  open(rest: Rest): State;
  /** A state that allows the same next `bytes` bytes, with counters cut short; one for many. Ask a machine for one number of bytes only. */
  clamped(state: State, bytes: number): State;
}

/** Places at once, which only a grammar of very many alternatives reaches. */
const MAX_BRANCHES = 8192;
/** States and rests that are remembered before all are forgotten and made anew as they are needed. */
const MAX_REMEMBERED = 20_000;
/** Parts that a place may be inside of, one or two a level of nesting: deeper values do not come. */
const MAX_STACK = 2000;

let ids = 1;

const END: Rest = { id: 0, items: [], isEnd: true, depth: 0 };

interface Links {
  readonly next: Map<number, State | null>;
  clamped?: State;
}

/** What is remembered of a machine; thrown away as a whole. */
interface Memory {
  readonly states: Map<string, State>;
  readonly rests: Map<string, Rest>;
  readonly unions: Map<string, Rest>;
  /** By the ids of states and rests. */
  readonly links: Map<number, Links>;
  readonly opened: Map<number, State>;
  readonly clampedRests: Map<number, Rest>;
}

function emptyMemory(): Memory {
  return {
    states: new Map(),
    rests: new Map(),
    unions: new Map(),
    links: new Map(),
    opened: new Map(),
    clampedRests: new Map(),
  };
}

/** The machine of a grammar.. */
export function createMachine(grammar: Grammar): Machine {
  const nodeIds = new Map<Node, number>();
  let memory = emptyMemory();

  const nodeId = (node: Node): number => {
    let id = nodeIds.get(node);
    if (id === undefined) nodeIds.set(node, (id = nodeIds.size));
    return id;
  };

  const forgetIfFull = (): void => {
    if (memory.states.size + memory.rests.size + memory.unions.size > MAX_REMEMBERED) memory = emptyMemory();
  };

  const restOf = (items: Rest['items'], isEnd: boolean): Rest => {
    const sorted = items.toSorted((a, b) => nodeId(a.node) - nodeId(b.node));
    const key = `${isEnd ? 'e' : ''}${sorted.map(({ node, rest }) => `${nodeId(node)}.${rest.id}`).join(',')}`;
    let found = memory.rests.get(key);
    if (found !== undefined) return found;
    const depth = 1 + items.reduce((deepest, { rest }) => Math.max(deepest, rest.depth), 0);
    found = { id: ids++, items: sorted, isEnd, depth };
    memory.rests.set(key, found);
    return found;
  };

  const push = (node: Node, rest: Rest): Rest => (node.kind === 'empty' ? rest : restOf([{ node, rest }], false));

  const union = (a: Rest, b: Rest): Rest => {
    if (a === b) return a;
    const key = a.id < b.id ? `${a.id},${b.id}` : `${b.id},${a.id}`;
    const known = memory.unions.get(key);
    if (known !== undefined) return known;
    const merged = new Map<Node, Rest>();
    for (const { node, rest } of [...a.items, ...b.items]) {
      const other = merged.get(node);
      merged.set(node, other === undefined ? rest : union(other, rest));
    }
    const result = restOf(
      Array.from(merged, ([node, rest]) => ({ node, rest })),
      a.isEnd || b.isEnd,
    );
    memory.unions.set(key, result);
    return result;
  };

  /** Collects branches; the same place with two continuations becomes one with both. */
  const createBuilder = () => {
    const branches = new Map<string, Branch>();
    const visited = new Set<string>();
    let isComplete = false;
    const add = (terminal: TerminalState, rest: Rest): void => {
      const known = branches.get(terminal.key);
      branches.set(
        terminal.key,
        known === undefined ? { terminal, rest } : { terminal, rest: union(known.rest, rest) },
      );
      if (branches.size > MAX_BRANCHES) {
        throw runFailed(
          `grammar: a text must stand at no more than ${MAX_BRANCHES} places of its grammar at once, got more; make the schema's alternatives fewer`,
        );
      }
    };
    /** Adds what may come first in `node` and, where nothing need come, in what follows it. */
    const enter = (node: Node, rest: Rest): void => {
      const pending: { readonly node: Node; readonly rest: Rest }[] = [{ node, rest }];
      const leave = (behind: Rest): void => {
        if (behind.isEnd) isComplete = true;
        pending.push(...behind.items);
      };
      for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
        if (grammar.dead.has(item.node)) continue;
        const key = `${nodeId(item.node)}.${item.rest.id}`;
        if (visited.has(key)) continue;
        visited.add(key);
        const { node: at, rest: behind } = item;
        switch (at.kind) {
          case 'terminal':
            add(at.start, behind);
            if (at.start.accepts) leave(behind);
            break;
          case 'empty':
            leave(behind);
            break;
          case 'sequence':
            // Too deep: only what closes may come, so that an answer cannot nest without end.
            if (behind.depth >= MAX_STACK) break;
            pending.push({ node: at.first, rest: push(at.behind, behind) });
            break;
          case 'choice':
            for (const option of at.options) pending.push({ node: option, rest: behind });
            break;
          case 'repeat': {
            if (at.minimum === 0) leave(behind);
            if (at.maximum === 0 || behind.depth >= MAX_STACK || grammar.dead.has(at.item)) break;
            const again = recount(at, Math.max(0, at.minimum - 1), at.maximum - 1);
            pending.push({ node: at.item, rest: again.maximum === 0 ? behind : push(again, behind) });
            break;
          }
          case 'reference':
            if (at.target !== undefined) pending.push({ node: at.target, rest: behind });
            break;
          default:
            unreachable(at);
        }
      }
    };
    return {
      add,
      enter,
      enterState(state: State): void {
        for (const { terminal, rest } of state.branches) add(terminal, rest);
        isComplete ||= state.isComplete;
      },
      finish: (): State => stateOf(Array.from(branches.values()), isComplete),
      isEmpty: (): boolean => branches.size === 0 && !isComplete,
    };
  };

  const stateOf = (branches: readonly Branch[], isComplete: boolean): State => {
    const keys = branches.map(({ terminal, rest }) => `${terminal.key}|${rest.id}`);
    const key = `${isComplete ? 'e' : ''}${keys.toSorted().join(' ')}`;
    let found = memory.states.get(key);
    if (found === undefined) memory.states.set(key, (found = { id: ids++, branches, isComplete }));
    return found;
  };

  const open = (rest: Rest): State => {
    const known = memory.opened.get(rest.id);
    if (known !== undefined) return known;
    const builder = createBuilder();
    for (const item of rest.items) builder.enter(item.node, item.rest);
    const opened = builder.finish();
    const result = rest.isEnd && !opened.isComplete ? stateOf(opened.branches, true) : opened;
    memory.opened.set(rest.id, result);
    return result;
  };

  const linksOf = (state: State): Links => {
    let links = memory.links.get(state.id);
    if (links === undefined) memory.links.set(state.id, (links = { next: new Map() }));
    return links;
  };

  const compute = (state: State, symbol: number): State | undefined => {
    const builder = createBuilder();
    for (const { terminal, rest } of state.branches) {
      const next = terminal.step(symbol);
      if (next === undefined) continue;
      builder.add(next, rest);
      if (next.accepts) builder.enterState(open(rest));
    }
    return builder.isEmpty() ? undefined : builder.finish();
  };

  const clampedRest = (rest: Rest, bytes: number): Rest => {
    const known = memory.clampedRests.get(rest.id);
    if (known !== undefined) return known;
    const items = rest.items.map((item) => {
      const { node } = item;
      const cut = (count: number): number => (count === Infinity ? count : Math.min(count, bytes));
      return {
        node: node.kind === 'repeat' ? recount(node, cut(node.minimum), cut(node.maximum)) : node,
        rest: clampedRest(item.rest, bytes),
      };
    });
    const result = items.every((item, i) => item.node === rest.items[i]!.node && item.rest === rest.items[i]!.rest)
      ? rest
      : items.map((item) => restOf([item], false)).reduce(union, rest.isEnd ? END : restOf([], false));
    memory.clampedRests.set(rest.id, result);
    return result;
  };

  const first = createBuilder();
  first.enter(grammar.root, END);
  return {
    start: first.finish(),
    step(state, symbol) {
      const { next } = linksOf(state);
      const known = next.get(symbol);
      if (known !== undefined) return known ?? undefined;
      forgetIfFull();
      const result = compute(state, symbol);
      next.set(symbol, result ?? null);
      return result;
    },
    open,
    clamped(state, bytes) {
      const links = linksOf(state);
      if (links.clamped !== undefined) return links.clamped;
      const builder = createBuilder();
      for (const { terminal, rest } of state.branches) builder.add(terminal.clamped(bytes), clampedRest(rest, bytes));
      const made = builder.finish();
      return (links.clamped = made.isComplete === state.isComplete ? made : stateOf(made.branches, state.isComplete));
    },
  };
}
