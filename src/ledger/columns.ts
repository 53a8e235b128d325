import { z } from 'zod';
import type { JsonObject } from '../core/index.ts';

/** What a column that may be NULL gives: undefined there. */
export function nullable<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return schema.nullable().transform((value) => value ?? undefined) as z.ZodType<T | undefined>;
}

/** A column of JSON, which we wrote ourselves. */
export function jsonColumn<T>(): z.ZodType<T> {
  return z.string().transform((text) => JSON.parse(text) as T) as unknown as z.ZodType<T>;
}

export const objectColumn = jsonColumn<JsonObject>();
export const textsColumn = jsonColumn<readonly string[]>();
export const labelsColumn = jsonColumn<Readonly<Record<string, string>>>();

/** 0 or 1. */
export const truthColumn = z.int().transform((value) => value === 1) as unknown as z.ZodType<boolean>;

export function jsonText(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

type Defined<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/** A record without the fields that are undefined. */
export function present<T extends object>(record: T): Defined<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
}
