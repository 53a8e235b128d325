import { MAX_CODE_POINT, type CharacterAutomaton, type Transition } from './characters.ts';
import type { TerminalState } from './terminal.ts';

/** Where in the spelling of a string a place is. `state` is the automaton's. */
type Place =
  | { readonly kind: 'start'; readonly state: number }
  | { readonly kind: 'body'; readonly state: number }
  | { readonly kind: 'end' }
  /** Inside a UTF-8 character: its bits so far, and how many bytes are left. `floor` is the least character of that length. */
  | {
      readonly kind: 'utf8';
      readonly state: number;
      readonly bits: number;
      readonly left: number;
      readonly floor: number;
    }
  /** `left` bytes that continue a character, whichever; `state` is behind it. */
  | { readonly kind: 'bytes'; readonly state: number; readonly left: number }
  | { readonly kind: 'escape'; readonly state: number }
  /** Behind \u: the digits so far. `high` is the first half of a pair, or 0. */
  | {
      readonly kind: 'hex';
      readonly state: number;
      readonly bits: number;
      readonly left: number;
      readonly high: number;
    }
  /** `left` hexadecimal digits, whichever; `state` is behind the character. */
  | { readonly kind: 'digits'; readonly state: number; readonly left: number }
  /** A first half of a pair needs \u and the second half: this is in front of the backslash, or of the u. */
  | { readonly kind: 'pair'; readonly state: number; readonly high: number; readonly left: 1 | 2 };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const SHORT_ESCAPES: ReadonlyMap<number, number> = new Map(
  Array.from('"\\/bfnrt', (letter) => [letter.charCodeAt(0), JSON.parse(`"\\${letter}"`).charCodeAt(0)]),
);

/**
 * A JSON string, quotes included, whose text the automaton accepts. Valid UTF-8 only, no raw control characters, every escape of RFC 8259, surrogates only as
 * pairs; a character is one character however it is spelled.
 */
export function jsonStringTerminal(automaton: CharacterAutomaton): TerminalState {
  return stateOf(new Map(), automaton, { kind: 'start', state: automaton.start });
}

function keyOf(place: Place): string {
  switch (place.kind) {
    case 'utf8':
      return `u${place.state}.${place.bits}.${place.left}`;
    case 'hex':
      return `x${place.state}.${place.bits}.${place.left}.${place.high}`;
    case 'pair':
      return `p${place.state}.${place.high}.${place.left}`;
    case 'bytes':
    case 'digits':
      return `${place.kind}${place.state}.${place.left}`;
    case 'end':
      return 'end';
    default:
      return `${place.kind}${place.state}`;
  }
}

/** Places that were made, until there are too many of them: then they are made anew. */
type Places = Map<string, TerminalState>;
const MAX_PLACES = 100_000;

function stateOf(places: Places, automaton: CharacterAutomaton, place: Place): TerminalState {
  const key = place.kind === 'end' ? 's:end' : `s:${automaton.name}:${keyOf(place)}`;
  const found = places.get(key);
  if (found !== undefined) return found;
  if (places.size >= MAX_PLACES) places.clear();
  const make = (next: Place | undefined): TerminalState | undefined =>
    next === undefined ? undefined : stateOf(places, automaton, next);
  const steps = new Map<number, TerminalState | undefined>();
  // Most bytes of a text lead to the same place: it is kept apart, since a map is slower.
  const plain = place.kind === 'body' ? plainTarget(automaton, place.state) : undefined;
  let afterPlain: TerminalState | undefined;
  const made: TerminalState = {
    key,
    accepts: place.kind === 'end',
    step(symbol) {
      if (plain !== undefined && symbol >= 0x20 && symbol < 0x7f && symbol !== QUOTE && symbol !== BACKSLASH)
        return (afterPlain ??= make({ kind: 'body', state: plain }));
      if (steps.has(symbol)) return steps.get(symbol);
      const next = symbol > 0xff ? undefined : make(nextPlace(automaton, place, symbol));
      steps.set(symbol, next);
      return next;
    },
    clamped: (bytes) => ('state' in place ? make({ ...place, state: automaton.clamped(place.state, bytes) })! : made),
  };
  places.set(key, made);
  return made;
}

/** Where all printable ASCII leads, if to one state. */
function plainTarget(automaton: CharacterAutomaton, state: number): number | undefined {
  const [first] = automaton.transitions(state);
  return first !== undefined && first.first <= 0x20 && first.last >= 0x7e ? first.target : undefined;
}

function nextPlace(automaton: CharacterAutomaton, place: Place, byte: number): Place | undefined {
  switch (place.kind) {
    case 'start':
      return byte === QUOTE ? { kind: 'body', state: place.state } : undefined;
    case 'body':
      return afterBody(automaton, place.state, byte);
    case 'bytes': {
      if (byte < 0x80 || byte > 0xbf) return undefined;
      return place.left === 1 ? { kind: 'body', state: place.state } : { ...place, left: place.left - 1 };
    }
    case 'utf8': {
      if (byte < 0x80 || byte > 0xbf) return undefined;
      return utf8Place(automaton, { ...place, bits: place.bits * 64 + (byte & 0x3f), left: place.left - 1 });
    }
    case 'escape': {
      if (byte === 0x75) return hexPlace(automaton, { kind: 'hex', state: place.state, bits: 0, left: 4, high: 0 });
      const point = SHORT_ESCAPES.get(byte);
      return point === undefined ? undefined : bodyAt(automaton, place.state, point);
    }
    case 'hex': {
      const digit = hexDigit(byte);
      if (digit === undefined) return undefined;
      return hexPlace(automaton, { ...place, bits: place.bits * 16 + digit, left: place.left - 1 });
    }
    case 'digits': {
      if (hexDigit(byte) === undefined) return undefined;
      return place.left === 1 ? { kind: 'body', state: place.state } : { ...place, left: place.left - 1 };
    }
    case 'pair':
      if (place.left === 2) return byte === BACKSLASH ? { ...place, left: 1 } : undefined;
      if (byte !== 0x75) return undefined;
      return hexPlace(automaton, { kind: 'hex', state: place.state, bits: 0, left: 4, high: place.high });
    default:
      return undefined;
  }
}

function afterBody(automaton: CharacterAutomaton, state: number, byte: number): Place | undefined {
  if (byte === QUOTE) return automaton.accepts(state) ? { kind: 'end' } : undefined;
  if (byte === BACKSLASH) return automaton.transitions(state).length > 0 ? { kind: 'escape', state } : undefined;
  if (byte < 0x20) return undefined;
  if (byte < 0x80) return bodyAt(automaton, state, byte);
  if (byte >= 0xc2 && byte <= 0xdf)
    return utf8Place(automaton, { kind: 'utf8', state, bits: byte & 0x1f, left: 1, floor: 0x80 });
  if (byte >= 0xe0 && byte <= 0xef)
    return utf8Place(automaton, { kind: 'utf8', state, bits: byte & 0x0f, left: 2, floor: 0x800 });
  if (byte >= 0xf0 && byte <= 0xf4)
    return utf8Place(automaton, { kind: 'utf8', state, bits: byte & 0x07, left: 3, floor: 0x10000 });
  return undefined;
}

function bodyAt(automaton: CharacterAutomaton, state: number, point: number): Place | undefined {
  const transition = automaton.transitions(state).find(({ first, last }) => first <= point && point <= last);
  return transition === undefined ? undefined : { kind: 'body', state: transition.target };
}

/** The transitions that meet the characters from `first` to `last`. */
function meeting(automaton: CharacterAutomaton, state: number, first: number, last: number): readonly Transition[] {
  // An overlong form leaves no character.
  if (first > last) return [];
  return automaton.transitions(state).filter((row) => row.first <= last && row.last >= first);
}

type Utf8Place = Extract<Place, { kind: 'utf8' }>;

/** The place inside a UTF-8 character, if a character that may come begins like that. */
function utf8Place(automaton: CharacterAutomaton, place: Utf8Place): Place | undefined {
  const span = 64 ** place.left;
  const first = place.bits * span;
  const last = first + span - 1;
  if (place.left === 0) return first < place.floor ? undefined : bodyAt(automaton, place.state, first);
  const found = meeting(automaton, place.state, Math.max(first, place.floor), last);
  if (found.length === 0) return undefined;
  const [only] = found;
  const isWhole = found.length === 1 && only!.first <= first && only!.last >= last && first >= place.floor;
  return isWhole ? { kind: 'bytes', state: only!.target, left: place.left } : place;
}

type HexPlace = Extract<Place, { kind: 'hex' }>;

/** The place inside \uXXXX, if a character that may come begins like that. */
function hexPlace(automaton: CharacterAutomaton, place: HexPlace): Place | undefined {
  const { state, high } = place;
  const span = 16 ** place.left;
  const first = place.bits * span;
  const last = first + span - 1;
  if (high > 0) {
    const base = 0x10000 + (high - 0xd800) * 0x400 - 0xdc00;
    const from = Math.max(first, 0xdc00) + base;
    const to = Math.min(last, 0xdfff) + base;
    if (from > to) return undefined;
    if (place.left === 0) return bodyAt(automaton, state, from);
    return meeting(automaton, state, from, to).length > 0 ? place : undefined;
  }
  if (place.left === 0) {
    if (first < 0xd800 || first > 0xdfff) return bodyAt(automaton, state, first);
    if (first > 0xdbff) return undefined;
    const base = 0x10000 + (first - 0xd800) * 0x400;
    return meeting(automaton, state, base, base + 0x3ff).length > 0
      ? { kind: 'pair', state, high: first, left: 2 }
      : undefined;
  }
  const found = meeting(automaton, state, first, last);
  const [only] = found;
  if (found.length === 1 && only!.first <= first && only!.last >= last)
    return { kind: 'digits', state: only!.target, left: place.left };
  if (found.length > 0) return place;
  const from = 0x10000 + (Math.max(first, 0xd800) - 0xd800) * 0x400;
  const to = 0x10000 + (Math.min(last, 0xdbff) - 0xd800) * 0x400 + 0x3ff;
  return from <= to && to <= MAX_CODE_POINT && meeting(automaton, state, from, to).length > 0 ? place : undefined;
}

function hexDigit(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}
