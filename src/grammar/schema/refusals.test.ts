import { describe, expect, test } from 'vitest';
import { problemsOf, type JsonObject, type JsonValue } from '../../core/index.ts';
import { accepts, testVocabulary } from '../testing/walks.ts';
import { compileSchema } from './compile.ts';

const messagesOf = (schema: JsonObject): string[] =>
  problemsOf(() => compileSchema(schema)).map(({ message }) => message);

describe('what cannot be enforced is refused by name, all of it at once', () => {
  test('each problem has its path', () => {
    const schema = {
      type: 'objct',
      properties: {
        a: { not: {} },
        'b c': { type: 'string', pattern: '(?=a)b' },
        c: { $ref: 'https://example.org/s.json' },
        d: { $ref: '#/nope' },
        e: { minLength: -1 },
        f: 5,
        g: { enum: [] },
        h: { patternProperties: {} },
        i: { proprties: {} },
        j: { type: 'string', nullable: true },
        k: { format: 'regex' },
        l: { items: [{}] },
        m: { multipleOf: 0.1, type: 'number' },
        n: { type: 'array', uniqueItems: true },
        o: { type: 'number', minimum: 1e300 },
        p: { type: 'string', pattern: '(' },
        q: { type: 'string', pattern: String.raw`(a)\1` },
      },
    };
    const problems = problemsOf(() => compileSchema(schema));
    expect(problems.map(({ path }) => path)).toEqual([
      '$.type',
      '$.properties.a.not',
      '$.properties["b c"].pattern',
      '$.properties.c.$ref',
      '$.properties.d.$ref',
      '$.properties.e.minLength',
      '$.properties.f',
      '$.properties.g.enum',
      '$.properties.h.patternProperties',
      '$.properties.i.proprties',
      '$.properties.j.nullable',
      '$.properties.k.format',
      '$.properties.l.items',
      '$.properties.m.multipleOf',
      '$.properties.n.uniqueItems',
      '$.properties.o.minimum',
      '$.properties.p.pattern',
      '$.properties.q.pattern',
    ]);
    expect(problems[1]!.message).toBe('schema: $.properties.a.not cannot be enforced; say what is allowed instead');
    expect(problems[9]!.message).toBe(
      'schema: $.properties.i.proprties is no keyword that is known here; did you mean properties?',
    );
    expect(problems[10]!.message).toBe('schema: $.properties.j.nullable cannot be enforced; add "null" to the type');
  });

  test('text that is no Unicode', () => {
    expect(messagesOf({ enum: ['\ud800'] })).toEqual([
      'schema: its names and texts must be valid Unicode, got a lone surrogate in "\\ud800"; write the whole character',
    ]);
  });

  test('a $ref to where no schema was expected is checked there', () => {
    expect(messagesOf({ 'x-parts': { a: { not: {} } }, $ref: '#/x-parts/a' })).toEqual([
      'schema: #/x-parts/a.not cannot be enforced; say what is allowed instead',
    ]);
  });

  test('oneOf whose options may overlap', () => {
    expect(messagesOf({ oneOf: [{ type: 'integer' }, { type: 'number' }] })).toEqual([
      'schema: $.oneOf must have options of which no two fit one value, which is not seen of options 0 and 1; say anyOf, or give each a required property with its own const',
    ]);
  });

  test('descriptions do nothing', () => {
    const schema = {
      title: 't',
      description: 'd',
      default: 1,
      examples: [2],
      $comment: 'c',
      deprecated: true,
      readOnly: true,
      writeOnly: false,
      'x-any': {},
      const: 3,
    };
    expect(accepts(compileSchema(schema), testVocabulary(), '3')).toBe(true);
  });

  test('a schema that nothing fits', () => {
    const impossible: JsonObject[] = [
      { type: 'object', properties: { n: { $ref: '#' } }, required: ['n'] },
      { enum: [1], type: 'string' },
      { allOf: [{ type: 'string' }, { type: 'null' }] },
      { type: 'integer', minimum: 2, maximum: 1 },
      { type: 'number', exclusiveMinimum: 1, maximum: 1 },
      { type: 'string', minLength: 3, maxLength: 2 },
      { type: 'string', pattern: '^a$', minLength: 2 },
      { type: 'array', items: false, minItems: 1 },
      { type: 'object', required: ['a'], additionalProperties: false },
    ];
    for (const schema of impossible)
      expect(messagesOf(schema)[0]).toMatch(/^schema: \$ must allow at least one value that ends/);
  });
});

const nested = (depth: number): JsonObject => {
  let schema: JsonObject = { type: 'null' };
  for (let i = 0; i < depth; i++) schema = { type: 'array', items: schema };
  return schema;
};
const defs = (count: number, of: (index: number) => JsonValue): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, of(index)]));
const renamed = (parts: JsonObject, top: string): JsonObject =>
  JSON.parse(JSON.stringify({ $defs: parts, $ref: `#/${top}` }).replaceAll('#/a', '#/$defs/a')) as JsonObject;
const list = (more: JsonObject): JsonObject => ({ type: 'array', items: { $ref: '#' }, ...more });

describe('hostile schemas end with a clear message', () => {
  const HOSTILE: readonly [string, JsonObject, RegExp][] = [
    ['100,000 levels', nested(100_000), /nest at most 32 deep/],
    ['100,000 values', { enum: Array.from({ length: 100_000 }, (_, i) => i) }, /at most 65,536 bytes/],
    ['2,000 values', { enum: Array.from({ length: 2000 }, (_, i) => i) }, /at most 1000 values of enum/],
    ['2,000 names', { properties: defs(2000, () => true) }, /at most 1000 properties/],
    [
      'a million combinations',
      { allOf: Array.from({ length: 20 }, (_, i) => ({ anyOf: [{ required: [`a${i}`] }, { required: [`b${i}`] }] })) },
      /at most 1000 combinations/,
    ],
    ['a pattern of a million states', { type: 'string', pattern: '^(a|b)*a(a|b){20}$' }, /more than 4000 states/],
    ['counts of counts', { type: 'string', pattern: '^((a{100}){100}){100}$' }, /more than 20000 places/],
    ['a pattern with a far end', { type: 'string', pattern: '^.*$', maxLength: 1e6 }, /at most 10000 states/],
    [
      'many patterns',
      { anyOf: Array.from({ length: 300 }, (_, i) => ({ type: 'string', pattern: `^(a|b)*a(a|b){8}${i}$` })) },
      /takes too long to read/,
    ],
    [
      'a circle of references',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' },
      /must not lead back to itself/,
    ],
    [
      'counted properties',
      { properties: defs(900, () => true), minProperties: 500, additionalProperties: false },
      /at most 20000 places/,
    ],
    [
      'options without end',
      { oneOf: Array.from({ length: 400 }, (_, i) => ({ const: i })) },
      /pairs of options of oneOf/,
    ],
    ['a minimum that no answer has', { type: 'string', minLength: 2 ** 40 }, /no answer is that long/],
  ];

  test.each(HOSTILE)('%s', (_name, schema, message) => {
    expect(messagesOf(schema).join('\n')).toMatch(message);
  });

  test('what only looks hostile is taken: doubling references, giant maxima, catastrophic patterns', () => {
    const doubling = defs(40, (i) =>
      i === 0 ? { type: 'null' } : { allOf: [{ $ref: `#/a${i - 1}` }, { $ref: `#/a${i - 1}` }] },
    );
    const lists = defs(12, (i) =>
      i === 0
        ? { type: 'null' }
        : { anyOf: [{ $ref: `#/a${i - 1}` }, { type: 'array', items: { $ref: `#/a${i - 1}` } }] },
    );
    const vocabulary = testVocabulary();
    expect(accepts(compileSchema(renamed(doubling, 'a39')), vocabulary, 'null')).toBe(true);
    expect(accepts(compileSchema(renamed(lists, 'a11')), vocabulary, '[[[[null]]]]')).toBe(true);
    expect(accepts(compileSchema({ maxLength: 2 ** 40, maxItems: 1e15 }), vocabulary, '["a"]')).toBe(true);
    expect(
      accepts(
        compileSchema({ type: 'string', pattern: '^(a+)+$', enum: [`${'a'.repeat(200)}!`, 'aaa'] }),
        vocabulary,
        '"aaa"',
      ),
    ).toBe(true);
  });

  test('readings that double with each level cost no more than the level', () => {
    const grammar = compileSchema({
      anyOf: [list({}), list({ maxItems: 5 }), list({ maxItems: 7 }), { type: 'null' }],
    });
    const text = `${'['.repeat(60)}null${',null]'.repeat(60)}`;
    expect(accepts(grammar, testVocabulary(), text)).toBe(true);
  });

  test('an answer cannot nest without end', () => {
    const grammar = compileSchema({ type: 'array' });
    expect(accepts(grammar, testVocabulary(), '['.repeat(2100), true)).toBe(false);
    expect(accepts(grammar, testVocabulary(), '['.repeat(300) + ']'.repeat(300))).toBe(true);
  });
});

test('closed: what is not named may not come, though the schema does not say so', () => {
  const schema = { type: 'object', properties: { a: { type: 'integer' } } };
  const vocabulary = testVocabulary();
  const texts = ['{}', '{"a":1}', '{"b":1}'];
  expect(texts.map((text) => accepts(compileSchema(schema), vocabulary, text))).toEqual([true, true, true]);
  expect(texts.map((text) => accepts(compileSchema(schema, { closed: true }), vocabulary, text))).toEqual([
    true,
    true,
    false,
  ]);
});
