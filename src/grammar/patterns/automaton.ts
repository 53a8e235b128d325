import { trimmed, type CharacterAutomaton, type Transition } from '../characters.ts';
import type { Expression, Range } from './expression.ts';
import { PatternProblem } from './parse.ts';

/** A pattern may need this many places while it is read, and this many states. */
export const MAX_PATTERN_PLACES = 20_000;
export const MAX_PATTERN_STATES = 4000;

/** How much work the patterns of one schema may make together, in visits of places: what keeps hostile patterns short. */
export interface PatternBudget {
  left: number;
}

export function patternBudget(): PatternBudget {
  return { left: 2_000_000 };
}

/** A nondeterministic automaton: each place has steps that cost nothing, or one that takes a character. */
interface Places {
  readonly free: number[][];
  readonly taking: ({ readonly ranges: readonly Range[]; readonly target: number } | undefined)[];
}

/** The texts that an expression matches whole; undefined where there is none. Throws PatternProblem for one that needs too many states. */
export function automatonOf(
  expression: Expression,
  name: string,
  budget: PatternBudget = patternBudget(),
): CharacterAutomaton | undefined {
  const places: Places = { free: [], taking: [] };
  const start = newPlace(places);
  const end = build(places, expression, start);
  return determinize(places, { start, end, name, budget });
}

function newPlace(places: Places): number {
  if (places.free.length >= MAX_PATTERN_PLACES)
    throw new PatternProblem(`which needs more than ${MAX_PATTERN_PLACES} places; make its counts smaller`);
  places.free.push([]);
  places.taking.push(undefined);
  return places.free.length - 1;
}

/** Adds the expression behind `from` and returns the place behind it. */
function build(places: Places, expression: Expression, from: number): number {
  switch (expression.kind) {
    case 'set': {
      const target = newPlace(places);
      places.taking[from] = { ranges: expression.ranges, target };
      return target;
    }
    case 'sequence': {
      let at = from;
      for (const item of expression.items) {
        const next = newPlace(places);
        places.free[at]!.push(next);
        at = build(places, item, next);
      }
      return at;
    }
    case 'choice': {
      const end = newPlace(places);
      for (const option of expression.options) {
        const first = newPlace(places);
        places.free[from]!.push(first);
        places.free[build(places, option, first)]!.push(end);
      }
      return end;
    }
    default:
      return buildRepeat(places, expression, from);
  }
}

function buildRepeat(places: Places, repeat: Extract<Expression, { kind: 'repeat' }>, from: number): number {
  const { item, minimum, maximum } = repeat;
  let at = from;
  for (let i = 0; i < minimum; i++) {
    const next = newPlace(places);
    places.free[at]!.push(next);
    at = build(places, item, next);
  }
  if (maximum === Infinity) {
    const loop = newPlace(places);
    places.free[at]!.push(loop);
    const first = newPlace(places);
    places.free[loop]!.push(first);
    places.free[build(places, item, first)]!.push(loop);
    const end = newPlace(places);
    places.free[loop]!.push(end);
    return end;
  }
  const end = newPlace(places);
  places.free[at]!.push(end);
  for (let i = minimum; i < maximum; i++) {
    const next = newPlace(places);
    places.free[at]!.push(next);
    at = build(places, item, next);
    places.free[at]!.push(end);
  }
  return end;
}

function determinize(
  places: Places,
  { start, end, name, budget }: { start: number; end: number; name: string; budget: PatternBudget },
): CharacterAutomaton | undefined {
  const closure = (from: Iterable<number>): number[] => {
    const seen = new Set<number>(from);
    for (const place of seen) {
      budget.left--;
      for (const next of places.free[place]!) seen.add(next);
    }
    if (budget.left < 0) throw new PatternProblem('which takes too long to read; make it simpler');
    return Array.from(seen)
      .filter((place) => place === end || places.taking[place] !== undefined)
      .toSorted((a, b) => a - b);
  };
  const ids = new Map<string, number>();
  const sets: number[][] = [];
  const idOf = (set: number[]): number => {
    const key = set.join(',');
    const found = ids.get(key);
    if (found !== undefined) return found;
    if (sets.length >= MAX_PATTERN_STATES)
      throw new PatternProblem(`which needs more than ${MAX_PATTERN_STATES} states; make it simpler`);
    ids.set(key, sets.length);
    sets.push(set);
    return sets.length - 1;
  };
  idOf(closure([start]));
  const rows: Transition[][] = [];
  for (let state = 0; state < sets.length; state++) {
    const row: Transition[] = [];
    for (const { first, last, targets } of segments(sets[state]!, places)) {
      budget.left -= targets.length;
      const target = idOf(closure(targets));
      const previous = row.at(-1);
      if (previous !== undefined && previous.target === target && previous.last === first - 1)
        row[row.length - 1] = { first: previous.first, last, target };
      else row.push({ first, last, target });
    }
    rows.push(row);
  }
  return trimmed(
    name,
    rows,
    sets.map((set) => set.includes(end)),
  );
}

interface Segment {
  readonly first: number;
  readonly last: number;
  readonly targets: readonly number[];
}

/** The ranges of a set of places, cut so that each piece leads to the same places. */
function segments(set: readonly number[], places: Places): Segment[] {
  const edges: { readonly at: number; readonly target: number; readonly isStart: boolean }[] = [];
  for (const place of set) {
    const taking = places.taking[place];
    for (const [first, last] of taking?.ranges ?? []) {
      edges.push({ at: first, target: taking!.target, isStart: true });
      edges.push({ at: last + 1, target: taking!.target, isStart: false });
    }
  }
  edges.sort((a, b) => a.at - b.at);
  const active = new Map<number, number>();
  const out: Segment[] = [];
  let from = 0;
  for (const { at, target, isStart } of edges) {
    if (active.size > 0 && at > from) out.push({ first: from, last: at - 1, targets: Array.from(active.keys()) });
    from = at;
    const count = (active.get(target) ?? 0) + (isStart ? 1 : -1);
    if (count === 0) active.delete(target);
    else active.set(target, count);
  }
  return out;
}
