import { z } from 'zod';
import { checkBody } from '../http/json-body.ts';

const PAGE = z.object({
  after: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(['asc', 'desc']).default('asc'),
});

/** `after`, `limit` and `order` of a list. Throws ServeError 400. */
export function pageOf(query: Readonly<Record<string, string>>): z.output<typeof PAGE> {
  return checkBody(PAGE, query);
}

/** A page of a list, as OpenAI's clients follow it: `after` is the last id. */
export function listOf(data: readonly object[], hasMore: boolean): object {
  const ids = data.map((one) => (one as { id?: string }).id ?? null);
  return { object: 'list', data, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null, has_more: hasMore };
}
