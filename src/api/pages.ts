import { z } from 'zod';

export interface PageDefaults {
  readonly limit?: number;
  readonly order?: 'asc' | 'desc';
  /** Most that one page may have. */
  readonly most?: number;
}

/** `after`, `limit` and `order` of a list. */
export function pageQuery({ limit = 20, order = 'asc', most = 100 }: PageDefaults = {}) {
  return z.strictObject({
    after: z.string().max(200).optional(),
    limit: z.coerce.number<number | string>().int().min(1).max(most).default(limit),
    order: z.enum(['asc', 'desc']).default(order),
  });
}

/** A page of a list, as OpenAI's clients follow it: the next one is `after` the last id. */
export function listSchema<Item extends z.ZodType>(item: Item) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });
}

/** What is answered when something was taken away. */
export function deletedSchema<const Kind extends string>(kind: Kind) {
  return z.object({ id: z.string(), object: z.literal(kind), deleted: z.literal(true) });
}

/** `metadata[key]=value` in a query: those with this pair. */
export const METADATA_FILTER = z
  .record(z.string().max(64), z.string().max(512))
  .optional()
  .meta({ param: { style: 'deepObject', explode: true } });
