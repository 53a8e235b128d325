/**
 * A place inside a terminal: a regular language of bytes, such as a string or a number. Immutable, and alive: from every place the terminal's end can be
 * reached, so that what is allowed never leads into a corner.
 */
export interface TerminalState {
  /** Places with the same key have the same continuations, in every grammar of this process. */
  readonly key: string;
  /** The terminal may end here. */
  readonly accepts: boolean;
  /** The place behind a byte, or behind a special token as `specialSymbol(id)`; undefined where it may not come. The same object for the same question where it is cheap. */
  step(symbol: number): TerminalState | undefined;
  /** A place that allows the same next `bytes` bytes, with counters cut short, so that far ends of long strings share their masks. Itself where there are none. */
  clamped(bytes: number): TerminalState;
  /** The special token that alone may come here. */
  readonly token?: number;
}

/** The symbol of a special token: the bytes are 0 to 255. */
export function specialSymbol(id: number): number {
  return 256 + id;
}

/** A deterministic automaton over bytes as tables; state 0 is the start. */
export interface ByteTable {
  readonly next: readonly ReadonlyMap<number, number>[];
  readonly accepting: readonly boolean[];
}

let names = 0;

/** A name that no other terminal of this process has. */
export function freshName(): string {
  return `#${names++}`;
}

/** The start of an automaton over bytes. All its states must reach an accepting one. */
export function tableTerminal(name: string, table: ByteTable): TerminalState {
  const states: TerminalState[] = table.next.map((row, index) => ({
    key: `${name}:${index}`,
    accepts: table.accepting[index]!,
    step(symbol) {
      const target = row.get(symbol);
      return target === undefined ? undefined : states[target];
    },
    clamped() {
      return this;
    },
  }));
  return states[0]!;
}

/** Accepts one special token and nothing else. */
export function specialTokenTerminal(id: number): TerminalState {
  const end: TerminalState = {
    key: 'special:end',
    accepts: true,
    step: () => undefined,
    clamped: () => end,
  };
  const start: TerminalState = {
    key: `special:${id}`,
    accepts: false,
    token: id,
    step: (symbol) => (symbol === specialSymbol(id) ? end : undefined),
    clamped: () => start,
  };
  return start;
}

const encoder = new TextEncoder();

/** A tree of spellings that grows into a ByteTable: what is added shares its beginnings. */
export interface SpellingTree {
  /** Adds the path of `bytes` from a state and returns its end, which another path from the same state may share. */
  add(from: number, bytes: Uint8Array, to?: number): number;
  accept(state: number): void;
  table(): ByteTable;
}

export function createSpellingTree(): SpellingTree {
  const next: Map<number, number>[] = [new Map()];
  const accepting: boolean[] = [false];
  return {
    add(from, bytes, to) {
      let state = from;
      bytes.forEach((byte, index) => {
        const found = next[state]!.get(byte);
        if (found !== undefined) {
          state = found;
          return;
        }
        const target = index === bytes.length - 1 && to !== undefined ? to : next.length;
        if (target === next.length) {
          next.push(new Map());
          accepting.push(false);
        }
        next[state]!.set(byte, target);
        state = target;
      });
      return state;
    },
    accept(state) {
      accepting[state] = true;
    },
    table: () => ({ next, accepting }),
  };
}

/** Accepts exactly these texts, byte for byte. */
export function textsTerminal(texts: readonly string[]): TerminalState {
  const tree = createSpellingTree();
  for (const text of texts) tree.accept(tree.add(0, encoder.encode(text)));
  const name = texts.join('|').length <= 40 ? `t:${JSON.stringify(texts)}` : freshName();
  return tableTerminal(name, tree.table());
}

/** Accepts these texts as JSON strings, quotes included, spelled as JSON.stringify spells them; a character outside ASCII may be written \uXXXX too. */
export function jsonTextsTerminal(texts: readonly string[]): TerminalState {
  const tree = createSpellingTree();
  const quote = encoder.encode('"');
  const first = tree.add(0, quote);
  for (const text of texts) {
    let state = first;
    for (const character of text) {
      const spelled = JSON.stringify(character).slice(1, -1);
      const end = tree.add(state, encoder.encode(spelled));
      if (character.codePointAt(0)! > 0x7f && !spelled.startsWith('\\u')) {
        const escaped = Array.from({ length: character.length }, (_, i) => unitEscape(character.charCodeAt(i))).join(
          '',
        );
        tree.add(state, encoder.encode(escaped), end);
      }
      state = end;
    }
    tree.accept(tree.add(state, quote));
  }
  const name = texts.join('|').length <= 40 ? `j:${JSON.stringify(texts)}` : freshName();
  return tableTerminal(name, tree.table());
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
