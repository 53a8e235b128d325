import { z } from 'zod';
import { checkBody } from '../http/json-body.ts';

export interface PageDefaults {
  readonly limit?: number;
  readonly order?: 'asc' | 'desc';
  /** Most that one page may have. */
  readonly most?: number;
}

/** `after`, `limit` and `order` of a list. Throws ServeError 400. */
export function pageOf(
  query: Readonly<Record<string, string>>,
  { limit = 20, order = 'asc', most = 100 }: PageDefaults = {},
): { readonly after?: string | undefined; readonly limit: number; readonly order: 'asc' | 'desc' } {
  const schema = z.object({
    after: z.string().max(200).optional(),
    limit: z.coerce.number().int().min(1).max(most).default(limit),
    order: z.enum(['asc', 'desc']).default(order),
  });
  return checkBody(schema, query);
}

/** A page of a list, as OpenAI's clients follow it: the next one is `after` the last id. */
export function listOf(data: readonly object[], hasMore: boolean): object {
  const ids = data.map((one) => (one as { id?: string }).id ?? null);
  return { object: 'list', data, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null, has_more: hasMore };
}
