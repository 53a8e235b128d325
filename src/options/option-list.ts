import { z } from 'zod';
import type { JsonValue } from '../core/index.ts';
import { kindOf, type OptionKind } from './option-kind.ts';
import { metaOf, unwrapped, type OptionMeta, type OptionSchema, type OptionShape } from './option.ts';

/** One option of a schema, as parsers and help need it. */
export interface Option {
  /** Dotted, where the value arrives: `lora.rankStabilised`. */
  readonly path: string;
  /** `--lora.rank-stabilised` */
  readonly flag: `--${string}`;
  readonly kind: OptionKind;
  /** Undefined where there is none, or the option must be given. */
  readonly default: JsonValue | undefined;
  readonly isRequired: boolean;
  readonly meta: OptionMeta;
  /** The schema of a value, without default. */
  readonly bare: z.ZodType;
}

/** The flag of an option's dotted path: `lora.rankStabilised` is --lora.rank-stabilised. */
export function flagOf(path: string): `--${string}` {
  return `--${path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The options of a schema in its order, those of nested objects with their dotted paths. */
export function optionsOf(schema: OptionSchema): readonly Option[] {
  return list('', schema.shape as OptionShape);
}

function list(prefix: string, shape: OptionShape): Option[] {
  return Object.entries(shape).flatMap(([name, field]): Option[] => {
    const path = `${prefix}${name}`;
    const meta = metaOf(field);
    const inner = unwrapped(field);
    if (meta === undefined && inner instanceof z.ZodObject) return list(`${path}.`, inner.shape as OptionShape);
    const empty = field.safeParse(undefined);
    return [
      {
        path,
        flag: flagOf(path),
        kind: kindOf(field),
        default: empty.success ? (empty.data as JsonValue | undefined) : undefined,
        isRequired: !empty.success,
        meta: meta ?? { help: '' },
        bare: inner,
      },
    ];
  });
}

/** The value at a dotted path. */
export function valueAt(values: Readonly<Record<string, unknown>>, path: string): unknown {
  let at: unknown = values;
  for (const name of path.split('.')) at = (at as Readonly<Record<string, unknown>> | undefined)?.[name];
  return at;
}

/** `values` with another value at a dotted path, or without one where it is undefined. */
export function withValueAt<T extends Readonly<Record<string, unknown>>>(values: T, path: string, value: unknown): T {
  const [name = '', ...rest] = path.split('.');
  const inner = rest.length === 0 ? value : withValueAt((values[name] ?? {}) as T, rest.join('.'), value);
  const { [name]: _old, ...others } = values;
  if (inner === undefined) return others as T;
  return (Object.hasOwn(values, name) ? { ...values, [name]: inner } : { ...others, [name]: inner }) as T;
}

/** Those of the values that a shape has, in their order. */
export function valuesOf(values: Readonly<Record<string, unknown>>, shape: OptionShape): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(shape, name)));
}

/** The values that are there: without those that are undefined. */
export function present<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
