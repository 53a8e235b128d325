import { z } from 'zod';
import { CHAT_BODY, COMPLETION_BODY, METADATA_BODY } from './chat-schema.ts';
import { CHAT_CHUNK, CHAT_COMPLETION, STORED_COMPLETION, TEXT_CHUNK, TEXT_COMPLETION } from './completion-schema.ts';
import { deletedSchema, listSchema, METADATA_FILTER, pageQuery } from './pages.ts';
import type { Route } from './route.ts';

export const CHAT_ROUTES = {
  chat: {
    method: 'post',
    path: '/v1/chat/completions',
    policy: ['infer'],
    summary: 'Answers a conversation',
    body: CHAT_BODY,
    answer: CHAT_COMPLETION,
    event: CHAT_CHUNK,
  },
  complete: {
    method: 'post',
    path: '/v1/completions',
    policy: ['infer'],
    summary: 'Continues texts',
    body: COMPLETION_BODY,
    answer: TEXT_COMPLETION,
    event: TEXT_CHUNK,
  },
} as const satisfies Record<string, Route>;

/** Answers that were kept: OpenAI's stored completions. */
export const STORED_ROUTES = {
  list: {
    method: 'get',
    path: '/v1/chat/completions',
    policy: ['read'],
    summary: 'Answers that were kept, newest last; filtered by model and metadata[key]',
    query: pageQuery().extend({ model: z.string().max(256).optional(), metadata: METADATA_FILTER }),
    answer: listSchema(STORED_COMPLETION),
  },
  get: {
    method: 'get',
    path: '/v1/chat/completions/{id}',
    policy: ['read'],
    summary: 'An answer that was kept',
    answer: STORED_COMPLETION,
  },
  messages: {
    method: 'get',
    path: '/v1/chat/completions/{id}/messages',
    policy: ['read'],
    summary: 'The messages that it answered',
    query: pageQuery(),
    answer: listSchema(z.looseObject({ id: z.string() })),
  },
  update: {
    method: 'post',
    path: '/v1/chat/completions/{id}',
    policy: ['read'],
    summary: 'Replaces its metadata',
    body: METADATA_BODY,
    answer: STORED_COMPLETION,
  },
  delete: {
    method: 'delete',
    path: '/v1/chat/completions/{id}',
    policy: ['read'],
    summary: 'Erases it',
    answer: deletedSchema('chat.completion.deleted'),
  },
} as const satisfies Record<string, Route>;
