import { z } from 'zod';
import { SCHEMAS, type RecipeName } from './specification-schema.ts';

/** One option of a specification, for option tables and help texts. */
export interface SpecificationOption {
  /** Dotted: `lora.rank`. */
  readonly path: string;
  readonly description: string;
  /** `texts`: one text, or several when it is repeated. */
  readonly type: 'string' | 'texts' | 'number' | 'integer' | 'boolean' | 'list' | readonly string[];
  /** Absent where the option may be left out without a value, or must be given. */
  readonly default: unknown;
  readonly isRequired: boolean;
}

type Fields = Readonly<Record<string, z.ZodType>>;

function unwrapped(field: z.ZodType): z.ZodType {
  let inner = field;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
    inner = inner.unwrap() as z.ZodType;
  return inner;
}

function typeOf(inner: z.ZodType): SpecificationOption['type'] {
  if (inner instanceof z.ZodEnum) return inner.options.map(String);
  if (inner instanceof z.ZodNumber) return inner.format === 'safeint' ? 'integer' : 'number';
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (inner instanceof z.ZodUnion) return 'texts';
  return inner instanceof z.ZodArray ? 'list' : 'string';
}

/** The options of a recipe in the order of its schema, nested ones with their dotted paths. */
export function specificationOptions(recipe: RecipeName): readonly SpecificationOption[] {
  const list = (prefix: string, fields: Fields): SpecificationOption[] =>
    Object.entries(fields).flatMap(([name, field]) => {
      const inner = unwrapped(field);
      if (inner instanceof z.ZodObject) return list(`${prefix}${name}.`, inner.shape as Fields);
      const parsed = field.safeParse(undefined);
      return [
        {
          path: `${prefix}${name}`,
          description: field.description ?? '',
          type: typeOf(inner),
          default: parsed.success ? parsed.data : undefined,
          isRequired: !parsed.success,
        },
      ];
    });
  return list('', SCHEMAS[recipe].shape as Fields);
}
