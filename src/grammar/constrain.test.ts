import { describe, expect, test } from 'vitest';
import { createRandom, type JsonObject } from '../core/index.ts';
import { constrain } from './constrain.ts';
import { jsonObject } from './json-object.ts';
import { choice, literal, repeated, sequence, specialToken, textThrough, textWithout, type Grammar } from './node.ts';
import { compileSchema } from './schema/compile.ts';
import { accepts, allowedIds, isAllowed, randomWalk, spaced, testVocabulary } from './testing/walks.ts';
import { createVocabulary } from './vocabulary.ts';

const VOCABULARY = testVocabulary(['<tool_call>', '"kind": "c', 'x\n</', 'x12"', 'xxxxxxxxxxxx']);

/** The ids that may come, each found by trying it on an answer that has come as far. */
function bruteForce(grammar: Grammar, ids: readonly number[]): number[] {
  return Array.from({ length: VOCABULARY.size }, (_, id) => id).filter((id) => {
    const constraint = constrain(grammar, VOCABULARY);
    for (const known of ids) constraint.accept(known);
    try {
      constraint.accept(id);
      return true;
    } catch {
      return false;
    }
  });
}

const GRAMMARS: Readonly<Record<string, Grammar>> = {
  'any object': jsonObject(),
  'an ambiguous schema': compileSchema({
    anyOf: [
      { type: 'object', properties: { kind: { enum: ['cat', 'car'] } }, additionalProperties: { maxLength: 3 } },
      { type: 'object', properties: { kind: { const: 'cup' } }, required: ['kind'] },
      { type: 'array', items: { type: ['number', 'string'], maximum: 12, maxLength: 9 }, maxItems: 3 },
    ],
  }),
  'text with calls in it': sequence(
    repeated(sequence(textThrough('<tool_call>\n'), compileSchema({ type: 'object' }), '\n</tool_call>')),
    textWithout('<tool_call>\n'),
  ),
  'a special token and literals': choice(sequence(specialToken(1), '[', literal('é😀'), ']'), 'plain', ''),
  'strings of 40 characters': compileSchema({ type: 'array', items: { minLength: 40, maxLength: 41, type: 'string' } }),
};

describe('masks', () => {
  test.each(Object.entries(GRAMMARS))('%s: they are what trying every token gives', (_name, grammar) => {
    const random = createRandom(3);
    for (let walk = 0; walk < 3; walk++) {
      const constraint = constrain(grammar, VOCABULARY);
      const ids: number[] = [];
      for (let step = 0; step < 25; step++) {
        const allowed = allowedIds(constraint.allowed(), VOCABULARY);
        expect(allowed).toEqual(bruteForce(grammar, ids));
        expect(isAllowed(constraint.allowed(), 0)).toBe(constraint.isComplete);
        const id = allowed[random.nextInt(allowed.length)]!;
        if (id === 0) break;
        constraint.accept(id);
        ids.push(id);
      }
    }
  });

  test('a token that goes past the end of the answer may not come', () => {
    const grammar = compileSchema({ type: 'object', additionalProperties: false });
    const constraint = constrain(grammar, VOCABULARY);
    const texts = allowedIds(constraint.allowed(), VOCABULARY).map((id) => decoded(id));
    expect(texts).toEqual(['{', '{}']);
    constraint.accept(allowedIds(constraint.allowed(), VOCABULARY)[1]!);
    expect(allowedIds(constraint.allowed(), VOCABULARY)).toEqual([0]);
    expect(constraint.isComplete).toBe(true);
  });

  test('far ends of bounds share their masks', () => {
    const grammar = compileSchema({ type: 'string', maxLength: 1_000_000 });
    const constraint = constrain(grammar, VOCABULARY);
    constraint.accept(2 + 0x22);
    const first = constraint.allowed();
    for (let i = 0; i < 100; i++) constraint.accept(2 + 0x61);
    expect(constraint.allowed()).toBe(first);
  });

  test('what was not allowed is a fault, and so is going on behind the end', () => {
    const constraint = constrain(literal('a'), VOCABULARY);
    expect(() => constraint.accept(2 + 0x62)).toThrow('internal: grammar: token 100 was not allowed here');
    expect(() => constraint.accept(0)).toThrow('internal: grammar: token 0 was not allowed here');
    constraint.accept(2 + 0x61);
    constraint.accept(0);
    expect(() => constraint.allowed()).toThrow('grammar: nothing may come behind the token that ended the answer');
  });

  test('a vocabulary that cannot write the text is named', () => {
    const bytes = [undefined, Uint8Array.of(0x61)];
    const constraint = constrain(literal('ab'), createVocabulary({ size: 2, bytes, stopIds: [0] }));
    constraint.accept(1);
    expect(() => constraint.allowed()).toThrow('the vocabulary lacks a byte that the text needs');
    expect(() => createVocabulary({ size: 2, bytes, stopIds: [] })).toThrow(
      'grammar: the tokenizer must name a token that ends an answer, got none; add eos_token to its files',
    );
    expect(() => createVocabulary({ size: 2, bytes, stopIds: [2] })).toThrow('from 0 to 1, got 2');
  });

  test('ids beyond the tokenizer, which a padded model scores, are never allowed', () => {
    const vocabulary = createVocabulary({ size: 70, bytes: [undefined, Uint8Array.of(0x61)], stopIds: [0] });
    expect(Array.from(constrain(literal('a'), vocabulary).allowed()!)).toEqual([2, 0, 0]);
  });
});

function decoded(id: number): string {
  return new TextDecoder().decode(VOCABULARY.bytes[id]);
}

const isObjectText = (text: string): boolean => accepts(jsonObject(), VOCABULARY, text);
const begins = (text: string): boolean => accepts(jsonObject(), VOCABULARY, text, true);

describe('any object', () => {
  test('random answers are objects', () => {
    const random = createRandom(11);
    const texts = Array.from({ length: 30 }, () => randomWalk(jsonObject(), VOCABULARY, random)).filter(
      (text) => text !== undefined,
    );
    expect(texts.length).toBeGreaterThan(10);
    for (const text of texts)
      expect([text, Array.isArray(JSON.parse(text)), typeof JSON.parse(text)]).toEqual([text, false, 'object']);
  });

  test('what JSON is, and what it is not', () => {
    const value: JsonObject = { a: [1, -0.5, 1e21, 'é"\\\u0001😀', null, true, {}, []], '': { b: { c: [[[]]] } } };
    expect([spaced(value, true), spaced(value, false)].map(isObjectText)).toEqual([true, true]);
    const wrong = [
      '[]',
      '1',
      '"a"',
      '',
      '{}{}',
      '{"a":01}',
      '{"a":+1}',
      '{"a":.5}',
      '{"a":1.}',
      '{"a":NaN}',
      "{'a':1}",
      '{"a":1,}',
      '{a:1}',
      '{"a"}',
      '{"a":"\t"}',
      String.raw`{"a":"\x41"}`,
      String.raw`{"a":"\ud800"}`,
      String.raw`{"a":"\udc00\ud800"}`,
      '{"a":1e999}',
    ];
    expect(wrong.filter(isObjectText)).toEqual([]);
  });

  test('white space ends: at most one space, and none where no value is behind it', () => {
    expect(['{"a": ', '{"a": 1, '].map(begins)).toEqual([true, true]);
    expect(['{ ', '{\n', '{"a" ', '{"a":  ', '{"a":\n', '{"a":1 ', '{"a":1,  ', '{"a":[ ', ' '].filter(begins)).toEqual(
      [],
    );
  });
});

describe('parts put together', () => {
  const call = sequence(
    '<tool_call>\n{"name": "',
    choice('add', 'address'),
    '", "arguments": ',
    compileSchema({
      type: 'object',
      properties: { n: { type: 'integer' } },
      required: ['n'],
      additionalProperties: false,
    }),
    '}\n</tool_call>',
  );

  test('a call in the spelling of a family', () => {
    expect(accepts(call, VOCABULARY, '<tool_call>\n{"name": "address", "arguments": {"n": 3}}\n</tool_call>')).toBe(
      true,
    );
    expect(accepts(call, VOCABULARY, '<tool_call>\n{"name": "addres", "arguments": {"n": 3}}\n</tool_call>')).toBe(
      false,
    );
    expect(accepts(call, VOCABULARY, '<tool_call>\n{"name": "add", "arguments": {"n": "3"}}\n</tool_call>')).toBe(
      false,
    );
  });

  test('free text up to a trigger, then nothing but the grammar', () => {
    const grammar = choice(
      textWithout('<tool_call>'),
      sequence(textThrough('<tool_call>'), compileSchema({ const: 1 })),
    );
    const takes = (text: string): boolean => accepts(grammar, VOCABULARY, text);
    expect(['', 'hello <tool_cal', '<<tool_call>1', 'é <tool_call>1', '<tool_<tool_call>1'].map(takes)).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(['<tool_call>', '<tool_call>2', '<tool_call>1 and', 'a<tool_call>1<tool_call>1'].filter(takes)).toEqual([]);
  });
});
