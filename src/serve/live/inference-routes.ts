import { z } from '@hono/zod-openapi';
import type { Inference, Ledger } from '../../ledger/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { listOf, pageOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

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
  .openapi('Inference');

/** What was answered, as the store has it: times to the millisecond, versions, faults. OpenAI's own list of stored completions has none of these. */
export function inferenceRoutes({ ledger }: ServeServices): RouteDefinition[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  return [
    {
      method: 'get',
      path: '/v1/preftune/inferences',
      policy: ['read'],
      summary: 'What was answered, newest first; filtered by model',
      answer: z.object({
        object: z.literal('list'),
        data: z.array(INFERENCE_OBJECT),
        first_id: z.string().nullable(),
        last_id: z.string().nullable(),
        has_more: z.boolean(),
      }),
      handle: async (context) => {
        const { model, ...query } = context.req.query();
        const { items, hasMore } = await kept().inferences.list({
          ...pageOf(query, { order: 'desc' }),
          ...(model !== undefined && { model }),
        });
        return context.json(listOf(items.map(inferenceObject), hasMore));
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/inferences/{id}',
      policy: ['read'],
      summary: 'One of them',
      answer: INFERENCE_OBJECT,
      handle: async (context) => {
        const id = context.req.param('id')!;
        const found = await kept().inferences.get(id);
        if (found === undefined)
          throw new ServeError(404, `There is no answer ${JSON.stringify(id.slice(0, 100))} here`, {
            code: 'not_found',
            param: 'id',
          });
        return context.json(inferenceObject(found));
      },
    },
  ];
}

function inferenceObject(inference: Inference): z.output<typeof INFERENCE_OBJECT> {
  return {
    id: inference.id,
    object: 'preftune.inference',
    created_at: inference.createdAt / 1000,
    route: inference.route,
    model: inference.requestedModel,
    version: inference.versionId,
    backend: inference.backend,
    user: inference.userHash ?? null,
    episode_id: inference.episodeId ?? null,
    status: inference.status ?? 'running',
    finish_reasons: [...(inference.finishReasons ?? [])],
    prompt_tokens: inference.promptTokens ?? null,
    completion_tokens: inference.completionTokens ?? null,
    first_token_ms: inference.firstTokenMs ?? null,
    total_ms: inference.totalMs ?? null,
    error: inference.error ?? null,
    metadata: { ...inference.metadata },
    parameters: { ...inference.parameters },
    request: inference.request ?? null,
    response: inference.response ?? null,
  };
}
