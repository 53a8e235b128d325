import type { JsonValue, Random } from '../../core/index.ts';
import { constrain } from '../constrain.ts';
import type { Grammar } from '../node.ts';
import { createVocabulary, type Vocabulary } from '../vocabulary.ts';

/** Every byte, pieces of JSON that span its parts, pieces of characters, and words; id 0 ends an answer, id 1 has no bytes. */
export function testVocabulary(words: readonly string[] = []): Vocabulary {
  const encoder = new TextEncoder();
  const pieces = [
    '{"',
    '":',
    '": ',
    '", "',
    '","',
    '"}',
    '"]',
    '},',
    '}, {',
    '"},{"',
    ']}',
    '}}',
    '[{"',
    '[]',
    '{}',
    '{}\n',
    '}\n\n',
    ', ',
    ',"',
    ': "',
    ':"',
    '\\"',
    '\\u',
    '\\u00',
    '00',
    'e9',
    '\\ud83d',
    '\\n',
    'true',
    'false',
    'null',
    'nu',
    '12',
    '345',
    '-1',
    '0.',
    '1e',
    '  ',
    '\n',
    '\n  ',
    'a',
    'ab',
    'the ',
    ' name',
    'é',
    '日本',
    '😀',
    '😀"',
    'é"',
    '"é',
    ...words,
  ];
  const halves = [
    [0xf0, 0x9f],
    [0x98, 0x80],
    [0xe6, 0x97],
    [0xa5, 0xe6],
    [0xa9, 0x22],
    [0x22, 0xc3],
    [0xed, 0xa0],
    [0x61, 0xe2, 0x82],
  ];
  const bytes = [
    encoder.encode('<end>'),
    undefined,
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...pieces.map((piece) => encoder.encode(piece)),
    ...halves.map((half) => Uint8Array.from(half)),
  ];
  return createVocabulary({ size: bytes.length, bytes, stopIds: [0] });
}

export function isAllowed(mask: Uint32Array | undefined, id: number): boolean {
  return mask === undefined || ((mask[id >>> 5]! >>> (id & 31)) & 1) === 1;
}

export function allowedIds(mask: Uint32Array | undefined, vocabulary: Vocabulary): number[] {
  return Array.from({ length: vocabulary.size }, (_, id) => id).filter((id) => isAllowed(mask, id));
}

/** Draws allowed tokens until the answer ends, and returns its text; undefined where it did not end after `maxTokens`. It ends with growing will. */
export function randomWalk(
  grammar: Grammar,
  vocabulary: Vocabulary,
  random: Random,
  maxTokens = 400,
): string | undefined {
  const constraint = constrain(grammar, vocabulary);
  const written: number[] = [];
  for (let step = 0; step < maxTokens; step++) {
    const ids = allowedIds(constraint.allowed(), vocabulary);
    const closing = ids.filter((id) => id === 0 || /^[\]}"]/.test(textOf(vocabulary.bytes[id] ?? Uint8Array.of())));
    const from = closing.length > 0 && random.nextFloat() < 0.2 + step / 100 ? closing : ids;
    const id = from[random.nextInt(from.length)]!;
    constraint.accept(id);
    if (id === 0) return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(written));
    written.push(...vocabulary.bytes[id]!);
  }
  return undefined;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Whether the text is accepted when it is cut into tokens at random, and may end there. */
export function acceptsCut(grammar: Grammar, vocabulary: Vocabulary, text: string, random: Random): boolean {
  const bytes = new TextEncoder().encode(text);
  const constraint = constrain(grammar, vocabulary);
  for (let at = 0; at < bytes.length;) {
    const fitting = Array.from({ length: vocabulary.size }, (_, id) => id).filter((id) => {
      const token = vocabulary.bytes[id];
      return token !== undefined && token.every((byte, i) => bytes[at + i] === byte);
    });
    const id = fitting[random.nextInt(fitting.length)]!;
    if (!isAllowed(constraint.allowed(), id)) return false;
    constraint.accept(id);
    at += vocabulary.bytes[id]!.length;
  }
  return constraint.isComplete && isAllowed(constraint.allowed(), 0);
}

/** Whether the text fits, byte by byte; `prefix` asks only that it may go on. */
export function accepts(grammar: Grammar, vocabulary: Vocabulary, text: string, prefix = false): boolean {
  const constraint = constrain(grammar, vocabulary);
  for (const byte of new TextEncoder().encode(text)) {
    const id = byte + 2;
    if (!isAllowed(constraint.allowed(), id)) return false;
    constraint.accept(id);
  }
  return prefix || constraint.isComplete;
}

/** A value as Python's json.dumps spaces it, or as JSON.stringify does. */
export function spaced(value: JsonValue, isSpaced: boolean): string {
  const gap = isSpaced ? ' ' : '';
  if (Array.isArray(value)) return `[${value.map((item) => spaced(item, isSpaced)).join(`,${gap}`)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${gap}${spaced(inner, isSpaced)}`);
  return `{${fields.join(`,${gap}`)}}`;
}
