import { badInput, type JsonObject } from '../../core/index.ts';
import type { Schema, SchemaContext } from './context.ts';

/** A schema of which what it says of `anyOf` and `oneOf` may have been chosen already. */
export interface Part {
  readonly schema: JsonObject;
  readonly isAnyOfChosen: boolean;
  readonly isOneOfChosen: boolean;
}

/** Schemas that a value must fit all at once, without $ref and allOf: those are among the parts. */
export interface Conjunction {
  /** The same parts have the same key. */
  readonly key: string;
  readonly parts: readonly Part[];
  /** One of them is `false`: nothing fits. */
  readonly isFalse: boolean;
}

/** What must fit `parts` and each of `schemas`. Throws bad-input for a schema that refers to itself with nothing between. */
export function conjunctionOf(
  schemas: readonly Schema[],
  context: SchemaContext,
  chosen: readonly Part[] = [],
): Conjunction {
  const found = new Map<number, Part>();
  for (const part of chosen) found.set(context.idOf(part.schema), part);
  let isFalse = false;
  const way = new Set<Schema>();
  const done = new Set<Schema>();
  const add = (schema: Schema): void => {
    if (typeof schema === 'boolean') {
      isFalse ||= !schema;
      return;
    }
    if (done.has(schema)) return;
    if (way.has(schema)) {
      throw badInput({
        message: `schema: a $ref must not lead back to itself with no value between, got one that does by ${String(schema.$ref ?? 'allOf')}; put it inside properties or items`,
        path: '$',
      });
    }
    const id = context.idOf(schema);
    way.add(schema);
    if (!found.has(id)) found.set(id, { schema, isAnyOfChosen: false, isOneOfChosen: false });
    if (schema.$ref !== undefined) add(context.resolve(schema.$ref as string) ?? false);
    for (const inner of (schema.allOf as readonly Schema[] | undefined) ?? []) add(inner);
    way.delete(schema);
    done.add(schema);
  };
  for (const schema of schemas) add(schema);
  const parts = Array.from(found.values());
  const keys = parts.map(
    (part) => `${context.idOf(part.schema)}${part.isAnyOfChosen ? 'a' : ''}${part.isOneOfChosen ? 'o' : ''}`,
  );
  return { key: `${isFalse ? 'false,' : ''}${keys.toSorted().join(',')}`, parts, isFalse };
}

/** What the parts say under a keyword, those that say nothing left out. */
export function saidOf<T>(parts: readonly Part[], keyword: string): T[] {
  return parts.flatMap(({ schema }) => (schema[keyword] === undefined ? [] : [schema[keyword] as T]));
}
