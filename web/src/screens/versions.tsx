import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { queries, sendJson } from '../api.ts';
import { modelsQuery, type Model } from '../data.ts';
import { ago } from '../parts/format.ts';
import { Badge, Empty, Failure, Screen, Skeleton } from '../parts/frame.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';

/** What answers, and which of it the application's name stands for. */
export function Versions(): ReactNode {
  const models = useQuery(modelsQuery);
  const all = models.data?.data ?? [];
  const names = new Set(all.map(({ id }) => id));
  const isAlias = (model: Model): boolean =>
    model.root !== undefined && model.root !== model.id && names.has(model.root);
  const aliases = all.filter(isAlias);
  const versions = all.filter((model) => !isAlias(model));
  const prod = aliases.find(({ id }) => id === 'prod')?.root;
  const point = useMutation({
    mutationFn: ({ alias, model }: { alias: string; model: string }) =>
      sendJson('PUT', `/v1/preftune/aliases/${encodeURIComponent(alias)}`, { model }),
    onMutate: ({ alias }) => aliases.find(({ id }) => id === alias)?.root,
    onSuccess: (_, { alias, model }, before) => {
      void queries.invalidateQueries({ queryKey: ['models'] });
      tell(
        `${alias} is ${model} now, from the next request on.`,
        before === undefined ? {} : { undo: () => point.mutate({ alias, model: before }) },
      );
    },
    onError: tellFailure,
  });
  return (
    <Screen
      title="Versions"
      what="What answers here, and which of it prod, the name that your application asks, stands for."
    >
      {models.error !== null ? (
        <Failure error={models.error} again={() => void models.refetch()} />
      ) : models.isPending ? (
        <Skeleton />
      ) : versions.length === 0 ? (
        <Empty title="No model answers here" />
      ) : (
        <ul className="flex flex-col gap-2">
          {versions.map((model) => (
            <li key={model.id} className="card flex flex-wrap items-center justify-between gap-3 py-3!">
              <span>
                <span className="font-medium">{model.id}</span>{' '}
                {aliases
                  .filter(({ root }) => root === model.id)
                  .map(({ id }) => (
                    <Badge key={id} tone={id === 'prod' ? 'good' : 'neutral'}>
                      {id}
                    </Badge>
                  ))}
                <span className="quiet block text-sm">
                  {model.parent ? `adapter on ${model.parent}` : 'model'}, here since {ago(model.created)}
                </span>
              </span>
              <span className="flex flex-wrap gap-2">
                <Link
                  className="button text-ink no-underline"
                  to="/playground"
                  search={{ a: model.id, ...(prod !== undefined && prod !== model.id && { b: prod }) }}
                >
                  Try it
                </Link>
                {prod !== model.id && (
                  <button
                    type="button"
                    className="button button-main"
                    disabled={point.isPending}
                    onClick={() => point.mutate({ alias: 'prod', model: model.id })}
                  >
                    Make it prod
                  </button>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Screen>
  );
}
