import { queryOptions } from '@tanstack/react-query';
import { getJson, type ListOf } from './api.ts';

export interface Model {
  readonly id: string;
  readonly created: number;
  readonly owned_by: string;
  readonly root?: string;
  readonly parent?: string | null;
}

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: ({ signal }) => getJson<ListOf<Model>>('/v1/models', {}, signal),
});

/** A training, as OpenAI's API has it. */
export interface Job {
  readonly id: string;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly estimated_finish: number | null;
  readonly status: 'validating_files' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly model: string;
  readonly fine_tuned_model: string | null;
  readonly trained_tokens: number | null;
  readonly method: { readonly type: string };
  readonly error: { readonly message: string } | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export const isOpen = ({ status }: Job): boolean => !['succeeded', 'failed', 'cancelled'].includes(status);

export const jobsQuery = queryOptions({
  queryKey: ['jobs'],
  queryFn: ({ signal }) => getJson<ListOf<Job>>('/v1/fine_tuning/jobs', { limit: 100 }, signal),
  refetchInterval: ({ state }) => (state.data?.data.some(isOpen) === true ? 2000 : false),
});
