import { isObject, type JsonObject, type JsonValue } from '../../core/index.ts';
import { TYPE_NAMES } from './check.ts';
import { conjunctionOf, saidOf, type Part } from './conjunction.ts';
import type { Schema, SchemaContext } from './context.ts';
import { fits } from './fits.ts';

/**
 * Whether no value fits both schemas, as far as that is seen: by their types, by lists of values, or by a property that both require and of which the same
 * holds (the tag of a union).
 */
export function areDisjoint(a: Schema, b: Schema, context: SchemaContext): boolean {
  return disjointParts(partsOf([a], context), partsOf([b], context), { context, depth: 0 });
}

function partsOf(schemas: readonly Schema[], context: SchemaContext): readonly Part[] | undefined {
  const conjunction = conjunctionOf(schemas, context);
  return conjunction.isFalse ? undefined : conjunction.parts;
}

/** Properties of properties that are looked into. */
const MAX_DEPTH = 4;

function disjointParts(
  a: readonly Part[] | undefined,
  b: readonly Part[] | undefined,
  at: { readonly context: SchemaContext; readonly depth: number },
): boolean {
  if (a === undefined || b === undefined) return true;
  const { context, depth } = at;
  const leftValues = valuesOf(a, context);
  const rightValues = valuesOf(b, context);
  if (leftValues !== undefined)
    return leftValues.every((value) => !b.every(({ schema }) => fits(value, schema, context)));
  if (rightValues !== undefined)
    return rightValues.every((value) => !a.every(({ schema }) => fits(value, schema, context)));
  const left = typesOf(a);
  const right = typesOf(b);
  const common = Array.from(left).filter((type) => right.has(type));
  if (common.length === 0) return true;
  if (common.length > 1 || common[0] !== 'object' || depth >= MAX_DEPTH) return false;
  const required = new Set(saidOf<readonly string[]>(b, 'required').flat());
  return saidOf<readonly string[]>(a, 'required')
    .flat()
    .filter((name) => required.has(name))
    .some((name) => {
      const [x, y] = [a, b].map((parts) => partsOf(propertyOf(parts, name), context));
      return disjointParts(x, y, { context, depth: depth + 1 });
    });
}

function propertyOf(parts: readonly Part[], name: string): Schema[] {
  return parts.flatMap(({ schema }) => {
    const properties = schema.properties;
    return isObject(properties) && Object.hasOwn(properties, name) ? [(properties as JsonObject)[name] as Schema] : [];
  });
}

/** The values that enum or const leave; undefined where neither is said. */
export function valuesOf(parts: readonly Part[], context: SchemaContext): JsonValue[] | undefined {
  const lists = [
    ...saidOf<readonly JsonValue[]>(parts, 'enum'),
    ...saidOf<JsonValue>(parts, 'const').map((value) => [value]),
  ];
  const [first] = lists;
  return first?.filter((value) => parts.every(({ schema }) => fits(value, schema, context)));
}

/** The types that all parts allow; `number` stands for numbers that are no integers. */
export function typesOf(parts: readonly Part[]): Set<string> {
  const types = new Set(TYPE_NAMES);
  for (const said of saidOf<string | readonly string[]>(parts, 'type')) {
    const names = new Set(typeof said === 'string' ? [said] : said);
    if (names.has('number')) names.add('integer');
    for (const type of types) if (!names.has(type)) types.delete(type);
  }
  return types;
}
