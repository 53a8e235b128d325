import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { createRandom, type JsonObject, type JsonValue } from '../../core/index.ts';
import { accepts, acceptsCut, randomWalk, spaced, testVocabulary } from '../testing/walks.ts';
import { compileSchema } from './compile.ts';

const VOCABULARY = testVocabulary(['name', '"name"', '"age": ', '"a":', 'x12']);
const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });

interface Case {
  readonly schema: JsonObject;
  /** Values that fit, with properties in the order of the grammar. */
  readonly good: readonly JsonValue[];
  /** Texts that must not come. */
  readonly bad: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'named properties, in the order given': {
    schema: {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    },
    good: [
      { name: 'Ann', age: 3 },
      { name: '"\\\n\u0001é日😀', age: -12 },
    ],
    bad: [
      '{"name":"Ann"}',
      '{"age":3,"name":"Ann"}',
      '{"name":"Ann","age":03}',
      '{"name":"Ann","age":3.0}',
      '{"name":"Ann","age":3,"x":1}',
      '[]',
      '{"name":"a\nb","age":1}',
      '{"name" :"Ann","age":3}',
      '{"name":  "Ann","age":3}',
      ' {"name":"Ann","age":3}',
      '{"name":"Ann","age":3} ',
    ],
  },
  'optional properties and their commas': {
    schema: {
      type: 'object',
      properties: { a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' } },
      required: ['b'],
      additionalProperties: false,
    },
    good: [{ b: null }, { a: null, b: null }, { b: null, c: null }, { a: null, b: null, c: null }],
    bad: [
      '{}',
      '{,"b":null}',
      '{"a":null}',
      '{"b":null,}',
      '{"a":null "b":null}',
      '{"b":null,"b":null}',
      '{"b":null,"a":null}',
    ],
  },
  'additional properties are allowed where nothing is said': {
    schema: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] },
    good: [{ id: 1 }, { id: 1, more: [true, { x: 'y' }], '': null }, { id: 1, idd: 2, i: 0 }],
    bad: [
      '{"id":"1"}',
      '{"more":1}',
      '{"id":1,"id":2}',
      String.raw`{"id":1,"\u0069d":"x"}`,
      String.raw`{"id":1,"i\u0064":"x"}`,
    ],
  },
  'additional properties with a schema': {
    schema: { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 1, maxProperties: 2 },
    good: [{ a: 1 }, { a: 1, b: 2 }],
    bad: ['{}', '{"a":"1"}', '{"a":1,"b":2,"c":3}'],
  },
  'counts of properties': {
    schema: {
      type: 'object',
      properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } },
      additionalProperties: false,
      minProperties: 2,
      maxProperties: 2,
    },
    good: [
      { a: 1, b: 2 },
      { a: 1, c: 3 },
      { b: 2, c: 3 },
    ],
    bad: ['{}', '{"a":1}', '{"a":1,"b":2,"c":3}'],
  },
  'a required property that is not named': {
    schema: { type: 'object', required: ['x'], additionalProperties: { type: 'boolean' } },
    good: [{ x: true }, { x: false, y: true }],
    bad: ['{}', '{"y":true}', '{"x":1}'],
  },
  'enum of any JSON, with characters that need escapes': {
    schema: {
      enum: ['a"b', 'a\\b', 'http://x/y', 'line\nend', 'é', '😀', '', 1, -2.5, null, true, [1, 'x'], { k: [null] }],
    },
    good: ['a"b', 'a\\b', 'http://x/y', 'line\nend', 'é', '😀', '', 1, -2.5, null, true, [1, 'x'], { k: [null] }],
    bad: ['"a', '"a"b"', 'false', '11', '[1]', '{"k":[]}', '"é😀"'],
  },
  'const beside a type that narrows it': {
    schema: { enum: [1, '1', 2.5, null], type: ['integer', 'null'] },
    good: [1, null],
    bad: ['"1"', '2.5'],
  },
  'arrays by place, count and rest': {
    schema: {
      type: 'array',
      prefixItems: [{ type: 'string' }, { type: 'boolean' }],
      items: { type: 'null' },
      minItems: 1,
      maxItems: 4,
    },
    good: [['x'], ['x', true], ['x', true, null], ['x', false, null, null]],
    bad: ['[]', '[true]', '["x",null]', '["x",true,null,null,null]', '["x",]', '["x" ,true]'],
  },
  'closed tuples': {
    schema: { type: 'array', prefixItems: [{ const: 1 }, { const: 2 }], items: false },
    good: [[], [1], [1, 2]],
    bad: ['[1,2,3]', '[2]'],
  },
  'counts of items': {
    schema: { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 3 },
    good: [
      [true, false],
      [true, true, true],
    ],
    bad: ['[]', '[true]', '[true,true,true,true]'],
  },
  'no items at all': { schema: { type: 'array', maxItems: 0 }, good: [[]], bad: ['[1]'] },
  'anyOf with a shared beginning': {
    schema: {
      anyOf: [
        {
          type: 'object',
          properties: { kind: { const: 'cat' }, lives: { type: 'integer' } },
          required: ['kind', 'lives'],
          additionalProperties: false,
        },
        {
          type: 'object',
          properties: { kind: { const: 'car' }, doors: { type: 'integer' } },
          required: ['kind', 'doors'],
          additionalProperties: false,
        },
      ],
    },
    good: [
      { kind: 'cat', lives: 9 },
      { kind: 'car', doors: 4 },
    ],
    bad: ['{"kind":"cat","doors":4}', '{"kind":"ca"}'],
  },
  'anyOf beside required': {
    schema: {
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'integer' } },
      additionalProperties: false,
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    },
    good: [{ a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    bad: ['{}'],
  },
  'oneOf with a tag': {
    schema: {
      oneOf: [
        { type: 'object', properties: { t: { const: 'x' } }, required: ['t'], additionalProperties: false },
        {
          type: 'object',
          properties: { t: { const: 'y' }, z: { type: 'null' } },
          required: ['t'],
          additionalProperties: false,
        },
        { type: 'integer' },
      ],
    },
    good: [{ t: 'x' }, { t: 'y' }, { t: 'y', z: null }, 7],
    bad: ['{"t":"x","z":null}', '7.5'],
  },
  'allOf that says more of the same property': {
    schema: {
      allOf: [
        { type: 'object', properties: { n: { type: 'integer', minimum: 5 } }, required: ['n'] },
        { properties: { n: { maximum: 7 }, m: { type: 'null' } }, additionalProperties: false },
      ],
    },
    good: [{ n: 5 }, { n: 7, m: null }],
    bad: ['{"n":8}', '{"n":4}', '{"m":null}', '{"n":5,"o":1}'],
  },
  'a tree by $ref': {
    schema: {
      $defs: {
        node: {
          type: 'object',
          properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
          required: ['value'],
          additionalProperties: false,
        },
      },
      $ref: '#/$defs/node',
    },
    good: [{ value: 1 }, { value: 1, children: [{ value: 2, children: [] }, { value: 3 }] }],
    bad: ['{"value":1,"children":[1]}', '{"children":[]}'],
  },
  'the whole schema by $ref': {
    schema: { anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#' }, maxItems: 2 }] },
    good: [null, [], [[null, []], null]],
    bad: ['[null,null,null]', '{}', '[1]'],
  },
  '$ref to names with slashes, tildes and percent signs': {
    schema: { $defs: { 'a/b~c %': { const: 'ok' } }, $ref: '#/$defs/a~1b~0c%20%25' },
    good: ['ok'],
    bad: ['"no"'],
  },
  'lengths count characters': {
    schema: { type: 'string', minLength: 2, maxLength: 3 },
    good: ['ab', 'é日', '😀😀😀', '\n"\\'],
    bad: [
      '"a"',
      '"😀"',
      '"abcd"',
      String.raw`"\ud83d\ude00"`,
      String.raw`"\ud83d\u0061"`,
      String.raw`"ab\ud83d"`,
      String.raw`"a\qb"`,
      String.raw`"\u00zz"`,
    ],
  },
  'pattern and lengths together': {
    schema: { type: 'string', pattern: '^[a-cé]+$', maxLength: 3 },
    good: ['a', 'abc', 'éé'],
    bad: ['""', '"abca"', '"d"', String.raw`"\u0064"`],
  },
  'a pattern is found anywhere': {
    schema: { type: 'string', pattern: 'x\\d{2}' },
    good: ['x12', 'ax99b', 'éx00'],
    bad: ['"x1"', '""', '"x1y2"'],
  },
  'ranges of integers': {
    schema: { type: 'integer', minimum: -13, exclusiveMaximum: 105 },
    good: [-13, -9, -1, 0, 7, 10, 99, 100, 104],
    bad: ['-14', '-20', '105', '110', '200', '1000', '-0', '007', '1e1', '4.0'],
  },
  'ranges of numbers': {
    schema: { type: 'number', minimum: -1.25, exclusiveMaximum: 2.5 },
    good: [-1.25, -1.2, -1, -0.001, 0, 1.99, 2, 2.4999, 2.05],
    bad: ['-1.26', '-1.3', '-2', '2.5', '2.50', '2.51', '2.6', '3', '10', '1e1'],
  },
  'numbers above zero': {
    schema: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    good: [0.5, 1, 0.000001 + 0.1],
    bad: ['0', '0.0', '-0', '-1', '1.01', '2'],
  },
  'lists of types': { schema: { type: ['string', 'null'] }, good: ['', null], bad: ['1', 'true'] },
  'a constant true schema': {
    schema: {},
    good: [1, 'x', null, [], {}, [{ a: [1.5, true] }]],
    bad: ['[1,]', '{"a"}', '01', 'nul'],
  },
  dates: {
    schema: { type: 'string', format: 'date' },
    good: ['2024-02-29', '2000-02-29', '2023-12-31'],
    bad: ['"2023-02-29"', '"1900-02-29"', '"2023-13-01"', '"2023-04-31"'],
  },
};

describe('schemas and the texts that fit them', () => {
  test.each(Object.entries(CASES))('%s', (_name, { schema, good, bad }) => {
    const grammar = compileSchema(schema);
    const validate = ajv.compile(schema);
    const random = createRandom(7);
    for (const value of good) {
      expect(validate(value), `ajv takes ${JSON.stringify(value)}`).toBe(true);
      for (const isSpaced of [false, true]) {
        const text = spaced(value, isSpaced);
        expect([text, accepts(grammar, VOCABULARY, text)]).toEqual([text, true]);
        expect([text, acceptsCut(grammar, VOCABULARY, text, random)]).toEqual([text, true]);
      }
    }
    for (const text of bad) expect([text, accepts(grammar, VOCABULARY, text)]).toEqual([text, false]);
    let ended = 0;
    for (let walk = 0; walk < 15; walk++) {
      const text = randomWalk(grammar, VOCABULARY, random);
      if (text === undefined) continue;
      ended++;
      expect([text, validate(JSON.parse(text))]).toEqual([text, true]);
    }
    expect(ended).toBeGreaterThan(0);
  });
});
