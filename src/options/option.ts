import { z } from 'zod';
import type { JsonValue } from '../core/index.ts';

/**
 * What an option is besides its type: it stands at the field, so that parsers, help, messages and the JSON schema of configuration files
 * are all made of one declaration. Range, choices and default are the zod schema's own.
 */
export interface OptionMeta {
  /** What it does, in a few words: a line of --help, and what an editor shows. */
  readonly help: string;
  /** A shorter spelling of the flag: `-o`, `--rank`. */
  readonly alias?: `-${string}`;
  /** The heading in --help. */
  readonly group?: string;
  /** Among the few that --help shows of a command with many options; --help-all shows all. */
  readonly isCommon?: boolean;
  /** What holds without a value where that is no constant: `all cores`. Printed as a default. */
  readonly usually?: string;
  /** What holds without a value where another option decides it, by that option's values. Printed as a default. */
  readonly usuallyBy?: { readonly option: string; readonly values: Readonly<Record<string, JsonValue>> };
  /** It has an effect only where another option is given, or has one of these values; elsewhere it is refused. */
  readonly onlyWith?: { readonly option: string; readonly values?: readonly string[] };
  /** The field of what takes it, where that has another name: --judge-model is the `model` of a judge. */
  readonly takenAs?: string;
  /** A list that words may stand in for: the item that a word names, `--judges sentiment,json`. Throws bad-input for other words. */
  readonly itemOfWord?: (word: string) => JsonValue;
  /** A run that goes on may have another value: it changes how the run is watched or stored, not what it computes. */
  readonly mayDifferOnResume?: boolean;
  /** All runs of a sweep have the same value: it decides which rows there are, or only how runs are watched and computed. */
  readonly isSameInSweep?: boolean;
}

/** Fields of an object schema by name. */
export type OptionShape = Readonly<Record<string, z.ZodType>>;
/** A schema of options: nested objects are options with a dot. */
export type OptionSchema = z.ZodObject;
/** The values of a shape's options, defaults filled in. */
export type OptionsOf<S extends OptionShape> = z.output<z.ZodObject<S>>;

const METAS = new WeakMap<object, OptionMeta>();

/** The schema as an option: `option(z.int().min(1).default(8), { help: 'rows of a step', group: 'Steps' })`. */
export function option<S extends z.ZodType>(schema: S, meta: OptionMeta): S {
  const own = schema.clone() as S;
  METAS.set(own, meta);
  return own;
}

/** The option with some of what is said of it changed: another help, another group. */
export function changed<S extends z.ZodType>(field: S, meta: Partial<OptionMeta>): S {
  return option(field, { help: '', ...metaOf(field), ...meta });
}

/** What is said of an option, also where it became optional later; undefined for a field that is none, such as an object of options. */
export function metaOf(field: object): OptionMeta | undefined {
  const own = METAS.get(field);
  if (own !== undefined) return own;
  const inner = innerOf(field);
  return inner === undefined ? undefined : metaOf(inner);
}

/** The shape with every option under one heading; an object of options keeps what its own options say. */
export function grouped<S extends OptionShape>(group: string, shape: S): S {
  const fields = Object.entries(shape).map(([name, field]) => [
    name,
    metaOf(field) === undefined ? field : changed(field, { group }),
  ]);
  return Object.fromEntries(fields) as S;
}

/** What `optional`, `default` and their like are around. */
function innerOf(field: object): z.ZodType | undefined {
  const isWrapper =
    field instanceof z.ZodOptional ||
    field instanceof z.ZodDefault ||
    field instanceof z.ZodPrefault ||
    field instanceof z.ZodNullable;
  return isWrapper ? (field.unwrap() as z.ZodType) : undefined;
}

/** The schema without `optional`, `default` and their like around it. */
export function unwrapped(field: z.ZodType): z.ZodType {
  const inner = innerOf(field);
  return inner === undefined ? field : unwrapped(inner);
}

/** One text, or several where it is given again: `--data a --data b`. */
export function texts() {
  return z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
}

/** One value, or several with commas: `--beta 0.1,0.3`. */
export function oneOrMore<S extends z.ZodType>(value: S) {
  return z.union([value, z.array(value).min(1)]);
}
