import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { pathWithin } from '../models/adapter-loader.ts';
import type { ListedModel } from '../models/model-book.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

const MODEL_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    root: z.string(),
    parent: z.string().nullable(),
    max_model_len: z.int().nullable(),
  })
  .openapi('Model');

/** With vLLM's fields. Where a model lies on the disk only admins see. */
function modelObject({ name, version, target }: ListedModel, isAdmin: boolean): z.output<typeof MODEL_OBJECT> {
  return {
    id: name,
    object: 'model',
    created: version.createdAt,
    owned_by: 'preftune',
    root: target ?? (isAdmin ? version.root : version.name),
    parent: version.parent ?? null,
    max_model_len: version.maxTokens ?? null,
  };
}

const LOAD_BODY = z
  .strictObject({
    lora_name: z.string().min(1),
    lora_path: z.string().min(1),
    load_inplace: z.boolean().default(false),
    base_model_name: z.string().min(1).optional(),
  })
  .openapi('LoadLoraAdapter');

const UNLOAD_BODY = z.strictObject({ lora_name: z.string().min(1) }).openapi('UnloadLoraAdapter');

const TOKENIZE_BODY = z
  .union([
    z.strictObject({ model: z.string(), prompt: z.string(), add_special_tokens: z.boolean().default(true) }),
    z.strictObject({
      model: z.string(),
      messages: z.array(z.looseObject({ role: z.string() })).min(1),
      add_generation_prompt: z.boolean().default(true),
    }),
  ])
  .openapi('Tokenize');

const DETOKENIZE_BODY = z
  .strictObject({ model: z.string(), tokens: z.array(z.int().min(0)).max(2 ** 20) })
  .openapi('Detokenize');

export interface ModelRouteOptions {
  readonly services: ServeServices;
  /** Folders from which adapters may be loaded over HTTP. */
  readonly adapterRoots: readonly string[];
}

export function modelRoutes({ services, adapterRoots }: ModelRouteOptions): RouteDefinition[] {
  const { book, adapters, limits, ledger, jobs } = services;
  const audit = async (context: Context, action: string, subject: string): Promise<void> => {
    await ledger?.audit.append({ actor: context.get('caller').keyId ?? 'local', action, subject });
  };
  return [
    {
      method: 'get',
      path: '/v1/models',
      policy: ['infer', 'read', 'train'],
      summary: 'The names that answer: models, adapters, aliases',
      answer: z.object({ object: z.literal('list'), data: z.array(MODEL_OBJECT) }),
      handle: (context) =>
        context.json({
          object: 'list',
          data: book.list().map((model) => modelObject(model, context.get('caller').isAdmin)),
        }),
    },
    {
      method: 'get',
      path: '/v1/models/{model}',
      policy: ['infer', 'read', 'train'],
      summary: 'One of them',
      answer: MODEL_OBJECT,
      handle: (context) => {
        const name = context.req.param('model')!;
        const found = book.list().find((model) => model.name === name);
        if (found === undefined)
          throw new ServeError(404, `The model ${JSON.stringify(name.slice(0, 256))} does not exist here`, {
            code: 'model_not_found',
            param: 'model',
            type: 'invalid_request_error',
          });
        return context.json(modelObject(found, context.get('caller').isAdmin));
      },
    },
    {
      method: 'delete',
      path: '/v1/models/{model}',
      policy: ['train'],
      summary: 'Takes an adapter out of the server for good; its files stay',
      handle: async (context) => {
        const name = context.req.param('model')!;
        await adapters.unload(name);
        await jobs?.modelDeleted(name);
        await audit(context, 'model.delete', name);
        return context.json({ id: name, object: 'model', deleted: true });
      },
    },
    {
      method: 'post',
      path: '/v1/load_lora_adapter',
      policy: ['admin'],
      summary: 'Loads an adapter from a folder, as vLLM does',
      body: LOAD_BODY,
      answerType: 'text/plain',
      answer: z.string(),
      handle: async (context) => {
        const body = checkBody(LOAD_BODY, await readBody(context, limits.maxBodyBytes));
        const path = pathWithin(adapterRoots, body.lora_path);
        await adapters.load({
          name: body.lora_name,
          path,
          base: body.base_model_name,
          replaces: body.load_inplace,
        });
        await audit(context, 'adapter.load', body.lora_name);
        // vLLM's own words, which clients look for.
        return context.text(`Success: LoRA adapter '${body.lora_name}' added successfully.`);
      },
    },
    {
      method: 'post',
      path: '/v1/unload_lora_adapter',
      policy: ['admin'],
      summary: 'Takes an adapter out of the server, as vLLM does',
      body: UNLOAD_BODY,
      answerType: 'text/plain',
      answer: z.string(),
      handle: async (context) => {
        const { lora_name: name } = checkBody(UNLOAD_BODY, await readBody(context, limits.maxBodyBytes));
        await adapters.unload(name);
        await audit(context, 'adapter.unload', name);
        return context.text(`Success: LoRA adapter '${name}' removed successfully.`);
      },
    },
    {
      method: 'post',
      path: '/tokenize',
      policy: ['infer'],
      summary: 'The token ids of a text or a conversation, as vLLM gives them',
      body: TOKENIZE_BODY,
      handle: async (context) => {
        const body = checkBody(TOKENIZE_BODY, await readBody(context, limits.maxBodyBytes));
        const lease = book.lease(body.model);
        try {
          const { backend, maxTokens } = lease.version;
          const { signal } = context.req.raw;
          const read = await backend.tokenize?.(body as never, { signal, isStreamed: false });
          if (read === undefined)
            throw new ServeError(400, 'The server behind this model gives no token ids', { param: 'model' });
          return context.json({
            count: read.ids.length,
            max_model_len: maxTokens ?? null,
            tokens: read.ids,
            token_strs: read.tokens,
          });
        } finally {
          lease.release();
        }
      },
    },
    {
      method: 'post',
      path: '/detokenize',
      policy: ['infer'],
      summary: 'The text of token ids, as vLLM gives it',
      body: DETOKENIZE_BODY,
      handle: async (context) => {
        const body = checkBody(DETOKENIZE_BODY, await readBody(context, limits.maxBodyBytes));
        const lease = book.lease(body.model);
        try {
          const prompt = await lease.version.backend.detokenize?.(body.tokens);
          if (prompt === undefined)
            throw new ServeError(400, 'The server behind this model gives no token ids', { param: 'model' });
          return context.json({ prompt });
        } finally {
          lease.release();
        }
      },
    },
  ];
}
