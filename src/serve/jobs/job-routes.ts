import { JOB_ROUTES, type Answered } from '../../api/index.ts';
import type { JobRecord } from '../../ledger/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import type { JobManager } from './job-manager.ts';
import { checkpointObject, eventObject, jobObject } from './job-object.ts';

/** OpenAI's fine-tuning jobs. */
export function jobRoutes({ ledger, jobs }: ServeServices): HandledRoute[] {
  const manager = (): JobManager => {
    if (jobs !== undefined) return jobs;
    throw new ServeError(404, 'This server has no store (--store none), so it takes no jobs', { code: 'no_store' });
  };
  const shown = (job: JobRecord): Answered<typeof JOB_ROUTES.get> => jobObject(job, manager().finishOf(job.id));
  return [
    handled(JOB_ROUTES.create, async ({ body }) => shown(await manager().create(body))),
    handled(JOB_ROUTES.list, async ({ query: { metadata, ...page } }) => {
      manager();
      const { items, hasMore } = await ledger!.jobs.list({ ...page, ...(metadata !== undefined && { metadata }) });
      return listOf(items.map(shown), hasMore);
    }),
    handled(JOB_ROUTES.get, async ({ params }) => shown(await manager().get(params.id))),
    handled(JOB_ROUTES.cancel, async ({ params }) => shown(await manager().cancel(params.id))),
    handled(JOB_ROUTES.pause, async ({ params }) => shown(await manager().pause(params.id))),
    handled(JOB_ROUTES.resume, async ({ params }) => shown(await manager().resume(params.id))),
    handled(JOB_ROUTES.events, async ({ params, query }) => {
      const { id } = await manager().get(params.id);
      const { items, hasMore } = await ledger!.jobs.events(id, query);
      return listOf(items.map(eventObject), hasMore);
    }),
    handled(JOB_ROUTES.checkpoints, async ({ params, query }) => {
      const { id } = await manager().get(params.id);
      const { items, hasMore } = await ledger!.jobs.checkpoints(id, query);
      return listOf(items.map(checkpointObject), hasMore);
    }),
  ];
}
