import { z } from 'zod';
import { deletedSchema } from './pages.ts';
import type { Route } from './route.ts';

/** OpenAI's object with vLLM's fields. */
export const MODEL_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    root: z.string(),
    parent: z.string().nullable(),
    max_model_len: z.int().nullable(),
  })
  .meta({ id: 'Model' });

const LOAD_BODY = z
  .strictObject({
    lora_name: z.string().min(1),
    lora_path: z.string().min(1),
    load_inplace: z.boolean().default(false),
    base_model_name: z.string().min(1).optional(),
  })
  .meta({ id: 'LoadLoraAdapter' });

const UNLOAD_BODY = z.strictObject({ lora_name: z.string().min(1) }).meta({ id: 'UnloadLoraAdapter' });

const TOKENIZE_BODY = z
  .union([
    z.strictObject({ model: z.string(), prompt: z.string(), add_special_tokens: z.boolean().default(true) }),
    z.strictObject({
      model: z.string(),
      messages: z.array(z.looseObject({ role: z.string() })).min(1),
      add_generation_prompt: z.boolean().default(true),
    }),
  ])
  .meta({ id: 'Tokenize' });

const DETOKENIZE_BODY = z
  .strictObject({ model: z.string(), tokens: z.array(z.int().min(0)).max(2 ** 20) })
  .meta({ id: 'Detokenize' });

export const MODEL_ROUTES = {
  list: {
    method: 'get',
    path: '/v1/models',
    policy: ['infer', 'read', 'train'],
    summary: 'The names that answer: models, adapters, aliases',
    answer: z.object({ object: z.literal('list'), data: z.array(MODEL_OBJECT) }),
  },
  get: {
    method: 'get',
    path: '/v1/models/{model}',
    policy: ['infer', 'read', 'train'],
    summary: 'One of them',
    answer: MODEL_OBJECT,
  },
  delete: {
    method: 'delete',
    path: '/v1/models/{model}',
    policy: ['train'],
    summary: 'Takes an adapter out of the server for good; its files stay',
    answer: deletedSchema('model'),
  },
  load: {
    method: 'post',
    path: '/v1/load_lora_adapter',
    policy: ['admin'],
    summary: 'Loads an adapter from a folder, as vLLM does',
    body: LOAD_BODY,
    answerType: 'text/plain',
    answer: z.string(),
  },
  unload: {
    method: 'post',
    path: '/v1/unload_lora_adapter',
    policy: ['admin'],
    summary: 'Takes an adapter out of the server, as vLLM does',
    body: UNLOAD_BODY,
    answerType: 'text/plain',
    answer: z.string(),
  },
  tokenize: {
    method: 'post',
    path: '/tokenize',
    policy: ['infer'],
    summary: 'The token ids of a text or a conversation, as vLLM gives them',
    body: TOKENIZE_BODY,
    answer: z.object({
      count: z.int(),
      max_model_len: z.int().nullable(),
      tokens: z.array(z.int()),
      token_strs: z.array(z.string()),
    }),
  },
  detokenize: {
    method: 'post',
    path: '/detokenize',
    policy: ['infer'],
    summary: 'The text of token ids, as vLLM gives it',
    body: DETOKENIZE_BODY,
    answer: z.object({ prompt: z.string() }),
  },
} as const satisfies Record<string, Route>;
