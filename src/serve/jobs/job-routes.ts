import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { listOf, pageOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import type { JobManager } from './job-manager.ts';
import { checkpointObject, eventObject, jobObject } from './job-object.ts';
import { JOB_BODY, JOB_OBJECT } from './job-schema.ts';

/** OpenAI's fine-tuning jobs. */
export function jobRoutes({ ledger, limits, jobs }: ServeServices): RouteDefinition[] {
  const manager = (): JobManager => {
    if (jobs !== undefined) return jobs;
    throw new ServeError(404, 'This server has no store (--store none), so it takes no jobs', { code: 'no_store' });
  };
  const action = (name: 'cancel' | 'pause' | 'resume', summary: string): RouteDefinition => ({
    method: 'post',
    path: `/v1/fine_tuning/jobs/{id}/${name}`,
    policy: ['train'],
    summary,
    answer: JOB_OBJECT,
    handle: async (context) => context.json(jobObject(await manager()[name](idOf(context)))),
  });
  const isList = z.object({ data: z.array(z.looseObject({})) });
  return [
    {
      method: 'post',
      path: '/v1/fine_tuning/jobs',
      policy: ['train'],
      summary: 'Begins a job: method dpo on pairs, or supervised on answers',
      body: JOB_BODY,
      answer: JOB_OBJECT,
      handle: async (context) => {
        const body = checkBody(JOB_BODY, await readBody(context, limits.maxBodyBytes));
        return context.json(jobObject(await manager().create(body)));
      },
    },
    {
      method: 'get',
      path: '/v1/fine_tuning/jobs',
      policy: ['train', 'read'],
      summary: 'The jobs, newest first',
      answer: isList,
      handle: async (context) => {
        manager();
        const query = context.req.query();
        const pairs = Object.entries(query).flatMap(([name, value]) => {
          const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
          return key === undefined ? [] : [[key, value] as const];
        });
        const { items, hasMore } = await ledger!.jobs.list({
          ...pageOf(query, { order: 'desc' }),
          ...(pairs.length > 0 && { metadata: Object.fromEntries(pairs) }),
        });
        return context.json(listOf(items.map(jobObject), hasMore));
      },
    },
    {
      method: 'get',
      path: '/v1/fine_tuning/jobs/{id}',
      policy: ['train', 'read'],
      summary: 'One of them',
      answer: JOB_OBJECT,
      handle: async (context) => context.json(jobObject(await manager().get(idOf(context)))),
    },
    action('cancel', 'Ends it for good'),
    action('pause', 'Stops it after its step, with a checkpoint'),
    action('resume', 'Goes on with it where it stopped'),
    {
      method: 'get',
      path: '/v1/fine_tuning/jobs/{id}/events',
      policy: ['train', 'read'],
      summary: 'What happened, newest first',
      answer: isList,
      handle: async (context) => {
        const { id } = await manager().get(idOf(context));
        const page = pageOf(context.req.query(), { order: 'desc', most: 1000 });
        const { items, hasMore } = await ledger!.jobs.events(id, page);
        return context.json(listOf(items.map(eventObject), hasMore));
      },
    },
    {
      method: 'get',
      path: '/v1/fine_tuning/jobs/{id}/checkpoints',
      policy: ['train', 'read'],
      summary: 'Models of steps on the way, which answer by their names',
      answer: isList,
      handle: async (context) => {
        const { id } = await manager().get(idOf(context));
        const page = pageOf(context.req.query(), { limit: 10, order: 'desc' });
        const { items, hasMore } = await ledger!.jobs.checkpoints(id, page);
        return context.json(listOf(items.map(checkpointObject), hasMore));
      },
    },
  ];
}

function idOf(context: Context): string {
  return context.req.param('id')!;
}
