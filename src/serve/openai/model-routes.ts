import type { Context } from 'hono';
import { MODEL_ROUTES, type Answered } from '../../api/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { pathWithin } from '../models/adapter-loader.ts';
import type { ListedModel } from '../models/model-book.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

/** With vLLM's fields. Where a model lies on the disk only admins see. */
function modelObject({ name, version, target }: ListedModel, isAdmin: boolean): Answered<typeof MODEL_ROUTES.get> {
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

export interface ModelRouteOptions {
  readonly services: ServeServices;
  /** Folders from which adapters may be loaded over HTTP. */
  readonly adapterRoots: readonly string[];
}

export function modelRoutes({ services, adapterRoots }: ModelRouteOptions): HandledRoute[] {
  const { book, adapters, ledger, jobs } = services;
  const audit = async (context: Context, action: string, subject: string): Promise<void> => {
    await ledger?.audit.append({ actor: context.get('caller').keyId ?? 'local', action, subject });
  };
  return [
    handled(MODEL_ROUTES.list, ({ context }) => ({
      object: 'list',
      data: book.list().map((model) => modelObject(model, context.get('caller').isAdmin)),
    })),
    handled(MODEL_ROUTES.get, ({ context, params: { model: name } }) => {
      const found = book.list().find((model) => model.name === name);
      if (found !== undefined) return modelObject(found, context.get('caller').isAdmin);
      throw new ServeError(404, `The model ${JSON.stringify(name.slice(0, 256))} does not exist here`, {
        code: 'model_not_found',
        param: 'model',
        type: 'invalid_request_error',
      });
    }),
    handled(MODEL_ROUTES.delete, async ({ context, params: { model } }) => {
      await adapters.unload(model);
      await jobs?.modelDeleted(model);
      await audit(context, 'model.delete', model);
      return { id: model, object: 'model', deleted: true };
    }),
    handled(MODEL_ROUTES.load, async ({ context, body }) => {
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
    }),
    handled(MODEL_ROUTES.unload, async ({ context, body: { lora_name: name } }) => {
      await adapters.unload(name);
      await audit(context, 'adapter.unload', name);
      return context.text(`Success: LoRA adapter '${name}' removed successfully.`);
    }),
    handled(MODEL_ROUTES.tokenize, async ({ context, body }) => {
      const lease = book.lease(body.model);
      try {
        const { backend, maxTokens } = lease.version;
        const { signal } = context.req.raw;
        const read = await backend.tokenize?.(body as never, { signal, isStreamed: false });
        if (read === undefined) throw withoutIds();
        return {
          count: read.ids.length,
          max_model_len: maxTokens ?? null,
          tokens: read.ids,
          token_strs: read.tokens,
        };
      } finally {
        lease.release();
      }
    }),
    handled(MODEL_ROUTES.detokenize, async ({ body }) => {
      const lease = book.lease(body.model);
      try {
        const prompt = await lease.version.backend.detokenize?.(body.tokens);
        if (prompt === undefined) throw withoutIds();
        return { prompt };
      } finally {
        lease.release();
      }
    }),
  ];
}

function withoutIds(): ServeError {
  return new ServeError(400, 'The server behind this model gives no token ids', { param: 'model' });
}
