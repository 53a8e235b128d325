import { badInput } from '../core/index.ts';
import { freshName, type TerminalState } from './terminal.ts';

/** The bytes that may follow inside a UTF-8 character: the lowest and highest of the next, and how many follow it. */
interface Continuation {
  readonly low: number;
  readonly high: number;
  readonly left: number;
}

/**
 * Any text in valid UTF-8 up to and with `trigger` (`through`), or without it (`without`; everything where the trigger is empty).
 *
 * The place is how much of the trigger the text ends with (the failure function of Knuth, Morris and Pratt), and how a character goes on.
 */
export function freeTextTerminal(trigger: string, mode: 'through' | 'without'): TerminalState {
  const bytes = new TextEncoder().encode(trigger);
  if (bytes.length === 0 && mode === 'through')
    throw badInput('grammar: a trigger must have at least one character, got none');
  const failure = failureOf(bytes);
  const name = freshName();
  const places = new Map<string, TerminalState>();

  const advance = (matched: number, byte: number): number => {
    let length = matched;
    while (length > 0 && bytes[length] !== byte) length = failure[length - 1]!;
    return bytes[length] === byte ? length + 1 : 0;
  };
  const place = (matched: number, rest: Continuation | undefined): TerminalState => {
    const key = `${name}:${matched}:${rest === undefined ? '' : `${rest.low}.${rest.high}.${rest.left}`}`;
    const found = places.get(key);
    if (found !== undefined) return found;
    const isEnd = bytes.length > 0 && matched === bytes.length;
    const steps = new Map<number, TerminalState | undefined>();
    const next = (symbol: number): TerminalState | undefined => {
      if (isEnd || symbol > 0xff) return undefined;
      const follow = rest === undefined ? firstByte(symbol) : nextByte(rest, symbol);
      if (follow === undefined) return undefined;
      const length = bytes.length === 0 ? 0 : advance(matched, symbol);
      if (mode === 'without' && bytes.length > 0 && length === bytes.length) return undefined;
      return place(length, follow.left === 0 ? undefined : follow);
    };
    const made: TerminalState = {
      key,
      accepts: mode === 'through' ? isEnd : rest === undefined,
      step(symbol) {
        if (!steps.has(symbol)) steps.set(symbol, next(symbol));
        return steps.get(symbol);
      },
      clamped: () => made,
    };
    places.set(key, made);
    return made;
  };
  return place(0, undefined);
}

function failureOf(bytes: Uint8Array): number[] {
  const failure = [0];
  let length = 0;
  for (let i = 1; i < bytes.length; i++) {
    while (length > 0 && bytes[i] !== bytes[length]) length = failure[length - 1]!;
    if (bytes[i] === bytes[length]) length++;
    failure.push(length);
  }
  return failure;
}

/** How a character goes on behind its first byte; `left` 0 where it is whole; undefined for what begins none. */
function firstByte(byte: number): Continuation | undefined {
  if (byte < 0x80) return { low: 0, high: 0, left: 0 };
  if (byte < 0xc2 || byte > 0xf4) return undefined;
  const low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
  const high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
  return { low, high, left: byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3 };
}

function nextByte({ low, high, left }: Continuation, byte: number): Continuation | undefined {
  return byte < low || byte > high ? undefined : { low: 0x80, high: 0xbf, left: left - 1 };
}
