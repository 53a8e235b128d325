import { badInput } from '../core/index.ts';

/** Scalar values from `first` to `last` lead to state `target`. */
export interface Transition {
  readonly first: number;
  readonly last: number;
  readonly target: number;
}

/**
 * A deterministic automaton over Unicode scalar values; its states are numbers and all of them reach an accepting one. What a string holds is such an
 * automaton, whatever its spelling in JSON.
 */
export interface CharacterAutomaton {
  /** The same name means the same language in this process. */
  readonly name: string;
  readonly start: number;
  /** Sorted and disjoint, without surrogates. */
  transitions(state: number): readonly Transition[];
  accepts(state: number): boolean;
  /** A state that allows the same next `characters` characters. */
  clamped(state: number, characters: number): number;
}

export const MAX_CODE_POINT = 0x10ffff;

/** All scalar values. */
export function everyCharacter(target: number): readonly Transition[] {
  return [
    { first: 0, last: 0xd7ff, target },
    { first: 0xe000, last: MAX_CODE_POINT, target },
  ];
}

/** Any text. */
export const ANY_TEXT: CharacterAutomaton = {
  name: 'any',
  start: 0,
  transitions: () => ANY_TRANSITIONS,
  accepts: () => true,
  clamped: (state) => state,
};
const ANY_TRANSITIONS = everyCharacter(0);

/** Counters are two numbers in one: what is still missing, and how much may still come; the highest means without end. */
const BASE = 2 ** 26;
const ENDLESS = BASE - 1;
/** The most characters that a minimum may ask for. */
export const MAX_COUNT = BASE - 2;

const most = (state: number): number => state % BASE;
const least = (state: number): number => Math.floor(state / BASE);
const stateOf = (low: number, high: number): number => low * BASE + high;

/** Texts of `minimum` to `maximum` characters (scalar values, as JSON Schema counts them); a maximum above MAX_COUNT is none. */
export function countedText(minimum: number, maximum: number): CharacterAutomaton {
  const ceiling = maximum > MAX_COUNT ? ENDLESS : maximum;
  return {
    name: 'counted',
    start: stateOf(minimum, ceiling),
    transitions(state) {
      const left = most(state);
      if (left === 0) return [];
      return everyCharacter(stateOf(Math.max(0, least(state) - 1), left === ENDLESS ? ENDLESS : left - 1));
    },
    accepts: (state) => least(state) === 0,
    clamped(state, characters) {
      const high = most(state);
      return stateOf(Math.min(least(state), characters), high === ENDLESS ? ENDLESS : Math.min(high, characters));
    },
  };
}

/** Rows of transitions as an automaton; all states must reach an accepting one. */
export function tableAutomaton(
  name: string,
  rows: readonly (readonly Transition[])[],
  accepting: readonly boolean[],
): CharacterAutomaton {
  return {
    name,
    start: 0,
    transitions: (state) => rows[state]!,
    accepts: (state) => accepting[state]!,
    clamped: (state) => state,
  };
}

/** Every text but these: a tree of the texts that is left for good where a character leads off it. */
export function exceptTexts(name: string, texts: readonly string[]): CharacterAutomaton {
  const rows: Map<number, number>[] = [new Map()];
  const excluded = new Set<number>();
  for (const text of texts) {
    let state = 0;
    for (const character of text) {
      const point = character.codePointAt(0)!;
      let target = rows[state]!.get(point);
      if (target === undefined) {
        target = rows.length;
        rows.push(new Map());
        rows[state]!.set(point, target);
      }
      state = target;
    }
    excluded.add(state);
  }
  const free = rows.length;
  const table = rows.map((row) => splitEvery(row, free));
  table.push(everyCharacter(free).slice());
  return tableAutomaton(
    name,
    table,
    table.map((_, state) => !excluded.has(state)),
  );
}

/** Every character leads to `otherwise` but those of `row`. */
function splitEvery(row: ReadonlyMap<number, number>, otherwise: number): Transition[] {
  const points = Array.from(row.keys()).toSorted((a, b) => a - b);
  const out: Transition[] = [];
  for (const { first, last } of everyCharacter(otherwise)) {
    let from = first;
    for (const point of points) {
      if (point < first || point > last) continue;
      if (point > from) out.push({ first: from, last: point - 1, target: otherwise });
      out.push({ first: point, last: point, target: row.get(point)! });
      from = point + 1;
    }
    if (from <= last) out.push({ first: from, last, target: otherwise });
  }
  return out;
}

/**
 * The texts that both accept, as tables of at most `maxStates` states. undefined where there is none. Throws bad-input with `where` for a product that is
 * larger.
 */
export function intersect(
  a: CharacterAutomaton,
  b: CharacterAutomaton,
  options: { readonly where: string; readonly maxStates: number; readonly name: string },
): CharacterAutomaton | undefined {
  const ids = new Map<string, number>();
  const pairs: [number, number][] = [];
  const idOf = (x: number, y: number): number => {
    const key = `${x},${y}`;
    const found = ids.get(key);
    if (found !== undefined) return found;
    if (pairs.length >= options.maxStates) {
      throw badInput(
        `${options.where}: together, what the text must fit must need at most ${options.maxStates} states, got more; make the pattern simpler or the lengths smaller`,
      );
    }
    ids.set(key, pairs.length);
    pairs.push([x, y]);
    return pairs.length - 1;
  };
  idOf(a.start, b.start);
  const rows: Transition[][] = [];
  for (let state = 0; state < pairs.length; state++) {
    const [x, y] = pairs[state]!;
    rows.push(overlaps(a.transitions(x), b.transitions(y), idOf));
  }
  return trimmed(
    options.name,
    rows,
    pairs.map(([x, y]) => a.accepts(x) && b.accepts(y)),
  );
}

function overlaps(
  left: readonly Transition[],
  right: readonly Transition[],
  idOf: (x: number, y: number) => number,
): Transition[] {
  const out: Transition[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const first = Math.max(left[i]!.first, right[j]!.first);
    const last = Math.min(left[i]!.last, right[j]!.last);
    if (first <= last) out.push({ first, last, target: idOf(left[i]!.target, right[j]!.target) });
    if (left[i]!.last < right[j]!.last) i++;
    else j++;
  }
  return out;
}

/** The automaton without the states that reach no accepting one; undefined where the start is one of them. */
export function trimmed(
  name: string,
  rows: readonly (readonly Transition[])[],
  accepting: readonly boolean[],
): CharacterAutomaton | undefined {
  const sources: number[][] = rows.map(() => []);
  rows.forEach((row, state) => row.forEach(({ target }) => sources[target]!.push(state)));
  const alive = accepting.slice();
  const queue = alive.flatMap((isAlive, state) => (isAlive ? [state] : []));
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (const source of sources[state]!) {
      if (alive[source]!) continue;
      alive[source] = true;
      queue.push(source);
    }
  }
  if (!alive[0]!) return undefined;
  const kept = rows.map((row) => row.filter(({ target }) => alive[target]!));
  return tableAutomaton(name, kept, accepting);
}
