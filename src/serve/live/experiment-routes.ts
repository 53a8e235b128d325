import type { Context } from 'hono';
import { EXPERIMENT_ROUTES } from '../../api/index.ts';
import {
  aaRecord,
  experimentObject,
  type ExperimentObject,
  type Experiments,
  type LiveExperiment,
} from '../../experiments/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { isLoaded } from './loop-requests.ts';

/** Live tests: who reads sees them, who may all starts and stops them. */
export function experimentRoutes({ experiments, book }: ServeServices): HandledRoute[] {
  const kept = (): Experiments => {
    if (experiments !== undefined) return experiments;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  const need = (id: string): LiveExperiment => {
    const found = kept().find(id);
    if (found !== undefined) return found;
    throw new ServeError(404, `There is no experiment ${JSON.stringify(id.slice(0, 100))} here`, {
      code: 'not_found',
      param: 'id',
    });
  };
  const shown = (experiment: LiveExperiment): ExperimentObject =>
    experimentObject(experiment, {
      now: Date.now(),
      problem: kept().problemOf(experiment),
      isLoaded: (model) => isLoaded(book, model),
    });
  return [
    handled(EXPERIMENT_ROUTES.list, () => {
      const data = kept().list().map(shown);
      return {
        object: 'list',
        data,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: false,
        aa: aaRecord(data),
      };
    }),
    handled(EXPERIMENT_ROUTES.create, async ({ context, body }) => shown(await kept().create(body, actorOf(context)))),
    handled(EXPERIMENT_ROUTES.get, ({ params }) => shown(need(params.id))),
    handled(EXPERIMENT_ROUTES.widen, async ({ context, params, body }) =>
      shown(await kept().widen(need(params.id).id, body.traffic, actorOf(context))),
    ),
    handled(EXPERIMENT_ROUTES.stop, async ({ context, params, body }) =>
      shown(await kept().stop(need(params.id).id, body.reason, actorOf(context))),
    ),
  ];
}

/** Who did it, for the audit log. */
function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}
