import { queryOptions } from '@tanstack/react-query';
import { askUntyped } from './api.ts';

/** What the label screen asks of the server. */
export interface CampaignSummary {
  readonly id: string;
  readonly name: string;
  readonly created_at: number;
  readonly is_open: boolean;
  readonly items: number;
  readonly done: number;
  readonly votes: number;
  readonly guidelines: { readonly version: number; readonly text: string };
}

export type Content = string | readonly { readonly role: string; readonly content: unknown }[];

export interface ShownAnswer {
  readonly id: string;
  readonly content: Content;
}

/** An item that is this person's for a while. */
export interface Assignment {
  readonly reservation_id: string;
  readonly item_id: string;
  readonly prompt: Content;
  readonly left: ShownAnswer;
  readonly right: ShownAnswer;
  readonly expires_at: number;
}

export interface NextItems {
  readonly data: readonly Assignment[];
  readonly nothing: 'closed' | 'nothing_for_you' | 'all_done' | null;
  readonly done_by_you: number;
}

export interface Ballot {
  readonly verdict: 'better' | 'tie' | 'both_bad' | 'skip';
  readonly better_id?: string;
  readonly strength?: 1 | 2;
  readonly edit?: { readonly answer_id: string; readonly text: string };
  readonly note?: string;
  readonly tags?: readonly string[];
  readonly flags?: readonly string[];
  readonly skip_reason?: string;
  readonly seconds: number;
}

const at = (id: string, rest = ''): string => `/v1/preftune/campaigns/${id}${rest}`;

export const campaignsQuery = queryOptions({
  queryKey: ['campaigns'],
  queryFn: () => askUntyped<{ readonly data: readonly CampaignSummary[] }>('GET', '/v1/preftune/campaigns'),
});

export const nextItems = (id: string, count: number): Promise<NextItems> =>
  askUntyped('POST', at(id, '/next'), { count });
export const vote = (id: string, item: Assignment, ballot: Ballot): Promise<{ readonly vote_id: string }> =>
  askUntyped('POST', at(id, '/votes'), { item_id: item.item_id, reservation_id: item.reservation_id, ...ballot });
export const undo = (id: string): Promise<Assignment> => askUntyped('POST', at(id, '/votes/undo'), {});
export const heartbeat = (
  id: string,
  reservations: readonly { readonly id: string; readonly seconds: number }[],
): Promise<unknown> => askUntyped('POST', at(id, '/heartbeat'), { reservations });
