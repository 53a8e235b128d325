import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { JobRecord } from '../../ledger/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { listOf, pageOf, type PageDefaults } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import type { JobManager } from './job-manager.ts';
import { checkpointObject, eventObject, jobObject } from './job-object.ts';
import { JOB_BODY, JOB_OBJECT } from './job-schema.ts';

const LIST = z.object({ data: z.array(z.looseObject({})) });
const EVENT_PAGE: PageDefaults = { order: 'desc', most: 1000 };
const CHECKPOINT_PAGE: PageDefaults = { limit: 10, order: 'desc' };

/** OpenAI's fine-tuning jobs. */
export function jobRoutes({ ledger, limits, jobs }: ServeServices): RouteDefinition[] {
  const manager = (): JobManager => {
    if (jobs !== undefined) return jobs;
    throw new ServeError(404, 'This server has no store (--store none), so it takes no jobs', { code: 'no_store' });
  };
  const shown = (job: JobRecord): object => jobObject(job, manager().finishOf(job.id));
  const job = async (context: Context): Promise<JobRecord> => manager().get(context.req.param('id')!);
  const act = (name: 'cancel' | 'pause' | 'resume') => async (context: Context) =>
    shown(await manager()[name](context.req.param('id')!));

  /** Path behind /v1/fine_tuning/jobs, what it does, and what answers: readers may call those that only read. */
  const routes: readonly (readonly ['get' | 'post', string, string, (context: Context) => Promise<object>])[] = [
    [
      'post',
      '',
      'Begins a job: method dpo on pairs, or supervised on answers',
      async (context) =>
        shown(await manager().create(checkBody(JOB_BODY, await readBody(context, limits.maxBodyBytes)))),
    ],
    [
      'get',
      '',
      'The jobs, newest first',
      async (context) => {
        manager();
        const query = context.req.query();
        const { items, hasMore } = await ledger!.jobs.list({ ...pageOf(query, { order: 'desc' }), ...labelsOf(query) });
        return listOf(items.map(shown), hasMore);
      },
    ],
    ['get', '/{id}', 'One of them', async (context) => shown(await job(context))],
    ['post', '/{id}/cancel', 'Ends it for good', act('cancel')],
    ['post', '/{id}/pause', 'Stops it after its step, with a checkpoint', act('pause')],
    ['post', '/{id}/resume', 'Goes on with it where it stopped', act('resume')],
    [
      'get',
      '/{id}/events',
      'What happened, newest first',
      async (context) => {
        const { id } = await job(context);
        const { items, hasMore } = await ledger!.jobs.events(id, pageOf(context.req.query(), EVENT_PAGE));
        return listOf(items.map(eventObject), hasMore);
      },
    ],
    [
      'get',
      '/{id}/checkpoints',
      'Models of steps on the way, which answer by their names',
      async (context) => {
        const { id } = await job(context);
        const { items, hasMore } = await ledger!.jobs.checkpoints(id, pageOf(context.req.query(), CHECKPOINT_PAGE));
        return listOf(items.map(checkpointObject), hasMore);
      },
    ],
  ];
  return routes.map(([method, path, summary, answer]) => ({
    method,
    path: `/v1/fine_tuning/jobs${path}`,
    policy: method === 'get' ? ['train', 'read'] : ['train'],
    summary,
    ...(method === 'post' && path === '' && { body: JOB_BODY }),
    answer: method === 'get' && path !== '/{id}' ? LIST : JOB_OBJECT,
    handle: async (context) => context.json(await answer(context)),
  }));
}

/** `metadata[key]=value` of a query. */
function labelsOf(query: Readonly<Record<string, string>>): { readonly metadata?: Readonly<Record<string, string>> } {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
    return key === undefined ? [] : [[key, value] as const];
  });
  return pairs.length === 0 ? {} : { metadata: Object.fromEntries(pairs) };
}
