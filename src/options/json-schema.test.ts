import { expect, test } from 'vitest';
import { z } from 'zod';
import { jsonSchemaOf } from './json-schema.ts';
import { oneOrMore, option } from './option.ts';

test('types, ranges, defaults and descriptions; unknown keys are refused, and nothing is required', () => {
  const schema = z.strictObject({
    model: option(z.string().min(1), { help: 'a folder' }),
    lora: z.strictObject({ rank: option(z.int().min(1).default(16), { help: 'rank of the adapter' }) }).optional(),
    beta: option(z.number().meta({ exclusiveMinimum: 0 }).optional(), { help: 'strength', usually: "the loss's own" }),
    seeds: option(oneOrMore(z.int().min(0)).default(42), { help: 'seeds' }),
    judge: option(z.strictObject({ name: z.string() }).optional(), { help: 'a judge' }),
  });
  expect(jsonSchemaOf(schema)).toEqual({
    type: 'object',
    properties: {
      model: { type: 'string', minLength: 1, description: 'a folder' },
      lora: {
        type: 'object',
        properties: { rank: { type: 'integer', minimum: 1, default: 16, description: 'rank of the adapter' } },
        additionalProperties: false,
      },
      beta: { type: 'number', exclusiveMinimum: 0, description: "strength; default: the loss's own" },
      seeds: {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 },
        ],
        default: 42,
        description: 'seeds',
      },
      judge: {
        type: 'object',
        properties: { name: { type: 'string' } },
        required: ['name'],
        additionalProperties: false,
        description: 'a judge',
      },
    },
    additionalProperties: false,
  });
});
