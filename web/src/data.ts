import { queryOptions } from '@tanstack/react-query';
import { api, type AnswerOf } from './api.ts';

/** What several screens ask. */
export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: ({ signal }) => api.get('/v1/models', { signal }),
});
export type Model = AnswerOf<'get', '/v1/models'>['data'][number];

/** A training, as OpenAI's API has it. */
export type Job = AnswerOf<'get', '/v1/fine_tuning/jobs'>['data'][number];

export const isOpen = ({ status }: Job): boolean => !['succeeded', 'failed', 'cancelled'].includes(status);

export const jobsQuery = queryOptions({
  queryKey: ['jobs'],
  queryFn: ({ signal }) => api.get('/v1/fine_tuning/jobs', { query: { limit: 100 }, signal }),
  refetchInterval: ({ state }) => (state.data?.data.some(isOpen) === true ? 2000 : false),
});

/** Who uses the page, and what they may do. */
export type Session = AnswerOf<'get', '/v1/preftune/session'>;

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => api.get('/v1/preftune/session', { signal }),
  staleTime: 60_000,
});

export function may(session: Session | undefined, ...scopes: Session['scopes'][number][]): boolean {
  return session !== undefined && ['admin' as const, ...scopes].some((scope) => session.scopes.includes(scope));
}

export type LoopState = AnswerOf<'get', '/v1/preftune/loop'>;
/** A version that may become the one that answers. */
export type Candidate = LoopState['candidates'][number];
export type Promotion = LoopState['promotions'][number];

export const loopQuery = queryOptions({
  queryKey: ['loop'],
  queryFn: ({ signal }) => api.get('/v1/preftune/loop', { signal }),
  refetchInterval: ({ state }) =>
    state.data?.candidates.some((one) => one.state === 'training') === true ? 3000 : 20_000,
});
