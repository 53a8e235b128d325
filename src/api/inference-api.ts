import { z } from 'zod';
import { listSchema, pageQuery } from './pages.ts';
import type { Route } from './route.ts';

/** Times are seconds since 1970, to the millisecond. */
const INFERENCE_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('preftune.inference'),
    created_at: z.number(),
    route: z.enum(['chat', 'completions']),
    model: z.string(),
    version: z.string(),
    backend: z.string(),
    user: z.string().nullable(),
    episode_id: z.string().nullable(),
    status: z.enum(['complete', 'failed', 'cancelled', 'running']),
    finish_reasons: z.array(z.string()),
    prompt_tokens: z.int().nullable(),
    completion_tokens: z.int().nullable(),
    first_token_ms: z.number().nullable(),
    total_ms: z.number().nullable(),
    error: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    parameters: z.looseObject({}),
    request: z.looseObject({}).nullable(),
    response: z.looseObject({}).nullable(),
  })
  .meta({ id: 'Inference' });

/** What was answered, as the store has it: times to the millisecond, versions, faults. OpenAI's own list of stored completions has none of these. */
export const INFERENCE_ROUTES = {
  list: {
    method: 'get',
    path: '/v1/preftune/inferences',
    policy: ['read'],
    summary: 'What was answered, newest first; filtered by model',
    query: pageQuery({ order: 'desc' }).extend({ model: z.string().max(256).optional() }),
    answer: listSchema(INFERENCE_OBJECT),
  },
  get: {
    method: 'get',
    path: '/v1/preftune/inferences/{id}',
    policy: ['read'],
    summary: 'One of them',
    answer: INFERENCE_OBJECT,
  },
} as const satisfies Record<string, Route>;
