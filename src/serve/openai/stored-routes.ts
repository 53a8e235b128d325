import { STORED_ROUTES, type Answered } from '../../api/index.ts';
import type { JsonObject } from '../../core/index.ts';
import type { Inference, Ledger } from '../../ledger/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { listOf } from './pages.ts';

/** Answers that were kept: OpenAI's stored completions. */
export function storedRoutes({ ledger }: ServeServices): HandledRoute[] {
  const kept = (): Ledger => {
    if (ledger !== undefined && ledger.log !== 'off') return ledger;
    throw new ServeError(404, 'This server keeps no answers; --log text keeps them', { code: 'not_stored' });
  };
  const find = async (id: string): Promise<Inference> => {
    const found = await kept().inferences.get(id);
    if (found?.route === 'chat') return found;
    throw missing(id);
  };
  return [
    handled(STORED_ROUTES.list, async ({ query }) => {
      const { model, metadata, ...page } = query;
      const { items, hasMore } = await kept().inferences.list({
        ...page,
        ...(model !== undefined && { model }),
        ...(metadata !== undefined && { metadata }),
      });
      return listOf(items.map(storedObject), hasMore);
    }),
    handled(STORED_ROUTES.get, async ({ params }) => storedObject(await find(params.id))),
    handled(STORED_ROUTES.messages, async ({ params }) => {
      const { id, request } = await find(params.id);
      const messages = (request?.['messages'] ?? []) as readonly JsonObject[];
      return listOf(
        messages.map((message, place) => ({ ...message, id: `${id}-${place}` })),
        false,
      );
    }),
    handled(STORED_ROUTES.update, async ({ params, body }) => {
      const { id } = await find(params.id);
      const changed = await kept().inferences.setMetadata(id, body.metadata ?? {});
      if (changed === undefined) throw missing(id);
      return storedObject(changed);
    }),
    handled(STORED_ROUTES.delete, async ({ params: { id } }) => {
      if (!(await kept().inferences.remove(id))) throw missing(id);
      return { id, object: 'chat.completion.deleted', deleted: true };
    }),
  ];
}

function missing(id: string): ServeError {
  return new ServeError(404, `There is no answer ${JSON.stringify(id.slice(0, 100))} here`, {
    code: 'not_found',
    param: 'id',
  });
}

/** OpenAI's object; where texts are not kept, or were erased, its choices are without messages. */
function storedObject(inference: Inference): Answered<typeof STORED_ROUTES.get> {
  const {
    id,
    createdAt,
    requestedModel,
    response,
    metadata,
    promptTokens = 0,
    completionTokens = 0,
    finishReasons,
  } = inference;
  const head = { id, object: 'chat.completion', created: Math.floor(createdAt / 1000), model: requestedModel };
  const whole = response ?? {
    ...head,
    choices: (finishReasons ?? []).map((reason, index) => ({ index, message: null, finish_reason: reason })),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
  return { ...whole, ...head, metadata: metadata ?? {}, request_id: null } as unknown as Answered<
    typeof STORED_ROUTES.get
  >;
}
