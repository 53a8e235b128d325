/** A page of a list, as OpenAI's clients follow it: the next one is `after` the last id. */
export interface ListObject<Item> {
  readonly object: 'list';
  readonly data: readonly Item[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export function listOf<Item extends { readonly id: string }>(
  data: readonly Item[],
  hasMore: boolean,
): ListObject<Item> {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}
