import { INFERENCE_ROUTES, type Answered } from '../../api/index.ts';
import type { Inference, Ledger } from '../../ledger/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

export function inferenceRoutes({ ledger }: ServeServices): HandledRoute[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  return [
    handled(INFERENCE_ROUTES.list, async ({ query: { model, ...page } }) => {
      const { items, hasMore } = await kept().inferences.list({ ...page, ...(model !== undefined && { model }) });
      return listOf(items.map(inferenceObject), hasMore);
    }),
    handled(INFERENCE_ROUTES.get, async ({ params: { id } }) => {
      const found = await kept().inferences.get(id);
      if (found !== undefined) return inferenceObject(found);
      throw new ServeError(404, `There is no answer ${JSON.stringify(id.slice(0, 100))} here`, {
        code: 'not_found',
        param: 'id',
      });
    }),
  ];
}

function inferenceObject(inference: Inference): Answered<typeof INFERENCE_ROUTES.get> {
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
