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
