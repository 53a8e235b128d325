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

/** Who uses the page, and what they may do. */
export interface Session {
  readonly needs_sign_in: boolean;
  readonly is_signed_in: boolean;
  readonly scopes: readonly string[];
  readonly annotator: { readonly name: string } | null;
  readonly expires_at: number | null;
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => getJson<Session>('/v1/preftune/session', {}, signal),
  staleTime: 60_000,
});

export function may(session: Session | undefined, ...scopes: readonly string[]): boolean {
  return session !== undefined && ['admin', ...scopes].some((scope) => session.scopes.includes(scope));
}

export interface GateCheck {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not_measured';
  readonly text: string;
}

export interface CandidateMove {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly reason: string;
  readonly evidence: { readonly gate?: { readonly checks: readonly GateCheck[] } } | null;
}

/** A version that may become the one that answers. */
export interface Candidate {
  readonly id: string;
  readonly created_at: number;
  readonly model: string;
  readonly parent: string;
  readonly origin: string;
  readonly job_id: string | null;
  readonly state:
    | 'training'
    | 'trained'
    | 'passed'
    | 'held'
    | 'failed'
    | 'canary'
    | 'experiment'
    | 'promoted'
    | 'retired';
  readonly moved_at: number;
  readonly is_loaded: boolean;
  readonly moves: readonly CandidateMove[];
}

export interface Promotion {
  readonly at: number;
  readonly before: string | null;
  readonly after: string;
  readonly kind: 'promotion' | 'rollback';
  readonly actor: string;
  readonly reason: string;
}

export interface LoopState {
  readonly production: string | null;
  readonly previous: string | null;
  readonly candidates: readonly Candidate[];
  readonly promotions: readonly Promotion[];
}

export const loopQuery = queryOptions({
  queryKey: ['loop'],
  queryFn: ({ signal }) => getJson<LoopState>('/v1/preftune/loop', {}, signal),
  refetchInterval: ({ state }) =>
    state.data?.candidates.some((one) => one.state === 'training') === true ? 3000 : 20_000,
});
