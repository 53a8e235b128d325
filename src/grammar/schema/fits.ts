import { isObject, type JsonObject, type JsonValue } from '../../core/index.ts';
import type { CharacterAutomaton } from '../characters.ts';
import type { Schema, SchemaContext } from './context.ts';
import { formatPattern } from './formats.ts';

/** The same JSON, whatever the order of an object's fields. */
export function sameJson(a: JsonValue, b: JsonValue): boolean {
  return writeSorted(a) === writeSorted(b);
}

function writeSorted(value: JsonValue): string {
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(writeSorted).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value === 0 ? 0 : value);
  const entries = Object.entries(value as JsonObject).toSorted(([x], [y]) => (x < y ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${writeSorted(inner)}`).join(',')}}`;
}

export function acceptsText(automaton: CharacterAutomaton | undefined, text: string): boolean {
  if (automaton === undefined) return false;
  let state = automaton.start;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    const next = automaton.transitions(state).find(({ first, last }) => first <= point && point <= last);
    if (next === undefined) return false;
    state = next.target;
  }
  return automaton.accepts(state);
}

/** Whether a value fits a schema that was checked: what enum and const are narrowed by where a schema says more. */
export function fits(value: JsonValue, schema: Schema, context: SchemaContext): boolean {
  const open = new Map<JsonObject, Set<JsonValue>>();
  const visit = (at: JsonValue, of: Schema): boolean => {
    if (typeof of === 'boolean') return of;
    const values = open.get(of) ?? new Set();
    // A schema that asks for itself on the same value says nothing by it.
    if (values.has(at)) return false;
    open.set(of, values.add(at));
    const result = fitsOne(at, of, { context, visit });
    values.delete(at);
    return result;
  };
  return visit(value, schema);
}

interface Visit {
  readonly context: SchemaContext;
  readonly visit: (value: JsonValue, schema: Schema) => boolean;
}

function fitsOne(value: JsonValue, schema: JsonObject, { context, visit }: Visit): boolean {
  const list = (keyword: string): readonly Schema[] | undefined => schema[keyword] as readonly Schema[] | undefined;
  if (schema.type !== undefined) {
    const names = Array.isArray(schema.type) ? (schema.type as readonly string[]) : [schema.type as string];
    if (!names.some((name) => isOfType(value, name))) return false;
  }
  if (schema.const !== undefined && !sameJson(value, schema.const)) return false;
  if (schema.enum !== undefined && !(schema.enum as readonly JsonValue[]).some((one) => sameJson(value, one)))
    return false;
  if (schema.$ref !== undefined && !visit(value, context.resolve(schema.$ref as string) ?? false)) return false;
  if (list('allOf')?.every((inner) => visit(value, inner)) === false) return false;
  if (list('anyOf')?.some((inner) => visit(value, inner)) === false) return false;
  if (list('oneOf') !== undefined && list('oneOf')!.filter((inner) => visit(value, inner)).length !== 1) return false;
  if (typeof value === 'number') return fitsNumber(value, schema);
  if (typeof value === 'string') return fitsString(value, schema, context);
  if (Array.isArray(value)) return fitsArray(value as readonly JsonValue[], schema, visit);
  return value === null || typeof value === 'boolean' || fitsObject(value as JsonObject, schema, visit);
}

function isOfType(value: JsonValue, name: string): boolean {
  switch (name) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === name;
  }
}

function fitsNumber(value: number, schema: JsonObject): boolean {
  return (
    value >= ((schema.minimum as number | undefined) ?? -Infinity) &&
    value <= ((schema.maximum as number | undefined) ?? Infinity) &&
    value > ((schema.exclusiveMinimum as number | undefined) ?? -Infinity) &&
    value < ((schema.exclusiveMaximum as number | undefined) ?? Infinity)
  );
}

function isCounted(length: number, schema: JsonObject, what: 'Length' | 'Items' | 'Properties'): boolean {
  const minimum = (schema[`min${what}`] as number | undefined) ?? 0;
  const maximum = (schema[`max${what}`] as number | undefined) ?? Infinity;
  return length >= minimum && length <= maximum;
}

function fitsString(value: string, schema: JsonObject, context: SchemaContext): boolean {
  const { pattern, format } = schema;
  if (!isCounted(Array.from(value).length, schema, 'Length')) return false;
  if (pattern !== undefined && !acceptsText(context.pattern(pattern as string), value)) return false;
  return format === undefined || acceptsText(context.pattern(formatPattern(format as string)!), value);
}

function fitsArray(value: readonly JsonValue[], schema: JsonObject, visit: Visit['visit']): boolean {
  const first = (schema.prefixItems as readonly Schema[] | undefined) ?? [];
  const rest = (schema.items as Schema | undefined) ?? true;
  return isCounted(value.length, schema, 'Items') && value.every((item, index) => visit(item, first[index] ?? rest));
}

function fitsObject(value: JsonObject, schema: JsonObject, visit: Visit['visit']): boolean {
  const properties = (schema.properties as Readonly<Record<string, Schema>> | undefined) ?? {};
  const additional = (schema.additionalProperties as Schema | undefined) ?? true;
  const required = (schema.required as readonly string[] | undefined) ?? [];
  return (
    isCounted(Object.keys(value).length, schema, 'Properties') &&
    required.every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, inner]) =>
      visit(inner, Object.hasOwn(properties, name) ? properties[name]! : additional),
    )
  );
}
