import { z } from 'zod';
import type { JsonObject } from '../core/index.ts';
import { defaultText } from './option-help.ts';
import { optionsOf } from './option-list.ts';
import { metaOf, type OptionSchema } from './option.ts';

/**
 * The JSON schema (draft 2020-12) of a file of these options, for editors: types, ranges, choices, defaults and descriptions; unknown keys are refused.
 * Nothing is required, since flags can give what a file leaves out. Names are the options' paths in camelCase, nested.
 */
export function jsonSchemaOf(schema: OptionSchema): JsonObject {
  const single = new Set(optionsOf(schema).map(({ path }) => path));
  // An object at the top is one of options, unless it is the value of one.
  const isOfOptions = ([, name, ...rest]: readonly (string | number)[]): boolean =>
    rest.length === 0 && !single.has(String(name));
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    override({ zodSchema, jsonSchema, path }) {
      if (isOfOptions(path)) delete jsonSchema.required;
      // Bounds of the number type itself say nothing.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (isEmptyObject(jsonSchema.default)) delete jsonSchema.default;
      const meta = metaOf(zodSchema);
      if (meta?.itemOfWord !== undefined && jsonSchema.type === 'array') withWords(jsonSchema);
      if (meta !== undefined) jsonSchema.description = `${meta.help}${defaultText(meta)}`;
    },
  });
  return JSON.parse(JSON.stringify(rest)) as JsonObject;
}

/** A list whose items words may stand for. */
function withWords(list: z.core.JSONSchema.BaseSchema): void {
  Object.assign(list, { type: ['array', 'string'], items: { anyOf: [{ type: 'string' }, list.items] } });
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
