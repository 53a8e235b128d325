import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom, type JsonObject, type JsonValue } from '../../core/index.ts';
import { acceptsCut, randomWalk, spaced, testVocabulary } from '../testing/walks.ts';
import { compileSchema } from './compile.ts';

/** A schema, and values that fit it with properties in its order. */
interface Sample {
  readonly schema: JsonObject;
  readonly values: readonly JsonValue[];
}

const VOCABULARY = testVocabulary();
const ajv = new Ajv2020({ strict: false, logger: false });

const text = fc.string({ unit: 'grapheme', maxLength: 6 });
const name = fc.oneof(fc.constantFrom('a', 'ab', 'b"c', 'é', '', '日本', 'a/b', 'x\ny'), text);
/** A whole JSON value that is written as JSON.parse gives it back. */
const anyValue = fc
  .jsonValue({ maxDepth: 2, noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
  .filter(isWritable);

/** Keys like "1" come first in an object whatever the schema's order, and exponents of three digits are not written. */
function isWritable(value: JsonValue): boolean {
  return (
    !/"\d+":|e[+-]?\d{3}|\d{21}|\.\d{21}/.test(JSON.stringify(value)) &&
    !/"(\\.|[^"\\])*\\ud[89a-f]/.test(JSON.stringify(value))
  );
}

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ schema: { type: 'null' }, values: [null] }),
  fc.boolean().map((value) => ({ schema: { type: 'boolean' }, values: [value] })),
  fc
    .tuple(fc.integer({ min: -1200, max: 1200 }), fc.nat(2000), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([low, span, part]) => ({
      schema: { type: 'integer', minimum: low, maximum: low + span },
      values: [low, low + span, low + Math.floor(span * part)],
    })),
  fc
    .tuple(fc.integer({ min: -3000, max: 3000 }), fc.nat(2000), fc.integer({ min: 0, max: 3 }))
    .map(([low, span, digits]) => {
      const scale = 10 ** digits;
      const [first, last] = [low / scale, (low + span) / scale];
      return {
        schema: { type: 'number', minimum: first, exclusiveMaximum: Number((last + 1).toFixed(3)) },
        values: [first, last],
      };
    }),
  fc.array(text, { minLength: 1, maxLength: 3 }).map((values) => {
    const lengths = values.map((value) => Array.from(value).length);
    return { schema: { type: 'string', minLength: Math.min(...lengths), maxLength: Math.max(...lengths) }, values };
  }),
  fc
    .stringMatching(/^[a-cé]{1,4}(x|yz)*$/)
    .map((value) => ({ schema: { type: 'string', pattern: '^[a-cé]{1,4}(x|yz)*$' }, values: [value] })),
  fc.array(anyValue, { minLength: 1, maxLength: 4 }).map((values) => ({ schema: { enum: values }, values })),
  anyValue.map((value) => ({ schema: {}, values: [value] })),
);

const { sample } = fc.letrec<{ sample: Sample }>((tie) => {
  const inner = tie('sample');
  const array = fc.tuple(fc.array(inner, { maxLength: 2 }), inner, fc.nat(2)).map(([first, rest, more]) => {
    const value = [
      ...first.map(({ values }) => values[0]!),
      ...Array.from({ length: more }, (_, i) => rest.values[i % rest.values.length]!),
    ];
    const schema = {
      type: 'array',
      ...(first.length > 0 ? { prefixItems: first.map((item) => item.schema) } : {}),
      items: rest.schema,
    };
    return { schema: { ...schema, minItems: value.length, maxItems: value.length + 1 }, values: [value] };
  });
  const object = fc
    .tuple(
      fc.uniqueArray(fc.tuple(name, inner, fc.boolean()), { maxLength: 4, selector: ([key]) => key }),
      fc.constantFrom(true, false, undefined),
    )
    .map(([fields, additional]) => {
      const kept = fields.filter(([key]) => !/^\d+$/.test(key) && isWritable(key));
      const required = kept.filter(([, , isRequired]) => isRequired).map(([key]) => key);
      const valueOf = (chosen: typeof kept): JsonValue =>
        Object.fromEntries(chosen.map(([key, { values }]) => [key, values[0]!]));
      const schema: JsonObject = {
        type: 'object',
        properties: Object.fromEntries(kept.map(([key, field]) => [key, field.schema])),
        required,
        ...(additional === undefined ? {} : { additionalProperties: additional }),
      };
      return { schema, values: [valueOf(kept), valueOf(kept.filter(([key]) => required.includes(key)))] };
    });
  const union = fc.array(inner, { minLength: 1, maxLength: 3 }).map((options) => ({
    schema: { anyOf: options.map(({ schema }) => schema) },
    values: options.flatMap(({ values }) => values),
  }));
  const both = inner.map(({ schema, values }) => ({
    schema: { allOf: [schema, { description: 'twice' }, schema] },
    values,
  }));
  return { sample: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, array, object, union, both) };
});

/** Bare integers among numbers with a bound are written with an exponent by JSON.stringify where they are tiny. */
const isPlain = (value: JsonValue): boolean => !/\d[eE]-/.test(JSON.stringify(value));

test('what comes out of random schemas is valid, and what is valid may come, however it is cut into tokens', () => {
  let ended = 0;
  let taken = 0;
  fc.assert(
    fc.property(sample, fc.nat(), ({ schema, values }, seed) => {
      const random = createRandom(seed);
      const grammar = compileSchema(schema);
      const validate = ajv.compile(schema);
      for (const value of values.slice(0, 3)) {
        expect([value, validate(value)]).toEqual([value, true]);
        if (!isPlain(value) || !isWritable(value)) continue;
        const written = spaced(value, seed % 2 === 0);
        expect([written, acceptsCut(grammar, VOCABULARY, written, random)]).toEqual([written, true]);
        taken++;
      }
      for (let walk = 0; walk < 2; walk++) {
        const answer = randomWalk(grammar, VOCABULARY, random, 120);
        if (answer === undefined) continue;
        expect([answer, validate(JSON.parse(answer))]).toEqual([answer, true]);
        ended++;
      }
    }),
    { numRuns: 60, seed: 20 },
  );
  expect(ended).toBeGreaterThan(30);
  expect(taken).toBeGreaterThan(60);
});
