import type { Context } from 'hono';
import type { JsonObject } from '../../core/index.ts';
import type { Inference, Ledger } from '../../ledger/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { METADATA_BODY } from './chat-schema.ts';
import { listOf, pageOf } from './pages.ts';

/** Answers that were kept: OpenAI's stored completions. */
export function storedRoutes({ ledger, limits }: ServeServices): RouteDefinition[] {
  const kept = (): Ledger => {
    if (ledger !== undefined && ledger.log !== 'off') return ledger;
    throw new ServeError(404, 'This server keeps no answers; --log text keeps them', { code: 'not_stored' });
  };
  const find = async (context: Context): Promise<Inference> => {
    const id = context.req.param('id')!;
    const found = await kept().inferences.get(id);
    if (found?.route === 'chat') return found;
    throw missing(id);
  };
  return [
    {
      method: 'get',
      path: '/v1/chat/completions',
      policy: ['read'],
      summary: 'Answers that were kept, newest last; filtered by model and metadata[key]',
      handle: async (context) => {
        const query = context.req.query();
        const metadata = Object.fromEntries(
          Object.entries(query).flatMap(([name, value]) => {
            const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
            return key === undefined ? [] : [[key, value]];
          }),
        );
        const { items, hasMore } = await kept().inferences.list({
          ...pageOf(query),
          ...(query['model'] !== undefined && { model: query['model'] }),
          ...(Object.keys(metadata).length > 0 && { metadata }),
        });
        return context.json(listOf(items.map(storedObject), hasMore));
      },
    },
    {
      method: 'get',
      path: '/v1/chat/completions/{id}',
      policy: ['read'],
      summary: 'An answer that was kept',
      handle: async (context) => context.json(storedObject(await find(context))),
    },
    {
      method: 'get',
      path: '/v1/chat/completions/{id}/messages',
      policy: ['read'],
      summary: 'The messages that it answered',
      handle: async (context) => {
        const { id, request } = await find(context);
        const messages = (request?.['messages'] ?? []) as readonly JsonObject[];
        return context.json(
          listOf(
            messages.map((message, place) => ({ id: `${id}-${place}`, ...message })),
            false,
          ),
        );
      },
    },
    {
      method: 'post',
      path: '/v1/chat/completions/{id}',
      policy: ['read'],
      summary: 'Replaces its metadata',
      body: METADATA_BODY,
      handle: async (context) => {
        const { metadata } = checkBody(METADATA_BODY, await readBody(context, limits.maxBodyBytes));
        const { id } = await find(context);
        const changed = await kept().inferences.setMetadata(id, metadata ?? {});
        if (changed === undefined) throw missing(id);
        return context.json(storedObject(changed));
      },
    },
    {
      method: 'delete',
      path: '/v1/chat/completions/{id}',
      policy: ['read'],
      summary: 'Erases it',
      handle: async (context) => {
        const id = context.req.param('id')!;
        if (!(await kept().inferences.remove(id))) throw missing(id);
        return context.json({ id, object: 'chat.completion.deleted', deleted: true });
      },
    },
  ];
}

function missing(id: string): ServeError {
  return new ServeError(404, `There is no answer ${JSON.stringify(id.slice(0, 100))} here`, {
    code: 'not_found',
    param: 'id',
  });
}

/** OpenAI's object; where texts are not kept, or were erased, its choices are without messages. */
function storedObject(inference: Inference): object {
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
  return { ...whole, ...head, metadata: metadata ?? {}, request_id: null };
}
