import { JOB_BODY, JOB_CHECKPOINT, JOB_EVENT, JOB_OBJECT } from './job-schema.ts';
import { listSchema, METADATA_FILTER, pageQuery } from './pages.ts';
import type { Route } from './route.ts';

/** OpenAI's fine-tuning jobs. */
export const JOB_ROUTES = {
  create: {
    method: 'post',
    path: '/v1/fine_tuning/jobs',
    policy: ['train'],
    summary: 'Begins a job: method dpo on pairs, or supervised on answers',
    body: JOB_BODY,
    answer: JOB_OBJECT,
  },
  list: {
    method: 'get',
    path: '/v1/fine_tuning/jobs',
    policy: ['train', 'read'],
    summary: 'The jobs, newest first; filtered by metadata[key]',
    query: pageQuery({ order: 'desc' }).extend({ metadata: METADATA_FILTER }),
    answer: listSchema(JOB_OBJECT),
  },
  get: {
    method: 'get',
    path: '/v1/fine_tuning/jobs/{id}',
    policy: ['train', 'read'],
    summary: 'One of them',
    answer: JOB_OBJECT,
  },
  cancel: {
    method: 'post',
    path: '/v1/fine_tuning/jobs/{id}/cancel',
    policy: ['train'],
    summary: 'Ends it for good',
    answer: JOB_OBJECT,
  },
  pause: {
    method: 'post',
    path: '/v1/fine_tuning/jobs/{id}/pause',
    policy: ['train'],
    summary: 'Stops it after its step, with a checkpoint',
    answer: JOB_OBJECT,
  },
  resume: {
    method: 'post',
    path: '/v1/fine_tuning/jobs/{id}/resume',
    policy: ['train'],
    summary: 'Goes on with it where it stopped',
    answer: JOB_OBJECT,
  },
  events: {
    method: 'get',
    path: '/v1/fine_tuning/jobs/{id}/events',
    policy: ['train', 'read'],
    summary: 'What happened, newest first',
    query: pageQuery({ order: 'desc', most: 1000 }),
    answer: listSchema(JOB_EVENT),
  },
  checkpoints: {
    method: 'get',
    path: '/v1/fine_tuning/jobs/{id}/checkpoints',
    policy: ['train', 'read'],
    summary: 'Models of steps on the way, which answer by their names',
    query: pageQuery({ limit: 10, order: 'desc' }),
    answer: listSchema(JOB_CHECKPOINT),
  },
} as const satisfies Record<string, Route>;
