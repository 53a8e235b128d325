import { z } from 'zod';
import { deletedSchema, listSchema, pageQuery } from './pages.ts';
import type { Route } from './route.ts';

export const FILE_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    filename: z.string(),
    purpose: z.string(),
    status: z.enum(['uploaded', 'processed', 'error']),
    status_details: z.string().nullable(),
    expires_at: z.int().optional(),
  })
  .meta({ id: 'File' });

/** What files are for. Only those of fine-tuning have a use here. */
export const FILE_PURPOSES = ['fine-tune', 'fine-tune-results'] as const;

/** Seconds for which a file may be kept, where an end is named. */
export const [LEAST_FILE_SECONDS, MOST_FILE_SECONDS] = [3600, 2_592_000] as const;

/** OpenAI's files: uploads for fine-tuning, and its results. */
export const FILE_ROUTES = {
  upload: {
    method: 'post',
    path: '/v1/files',
    policy: ['train'],
    summary: 'Takes a file (multipart/form-data: file, purpose)',
    form: z.object({
      file: z.custom<Blob>().meta({ type: 'string', format: 'binary' }),
      purpose: z.enum(FILE_PURPOSES),
      expires_after: z
        .object({
          anchor: z.literal('created_at'),
          seconds: z.int().min(LEAST_FILE_SECONDS).max(MOST_FILE_SECONDS),
        })
        .optional(),
    }),
    answer: FILE_OBJECT,
  },
  list: {
    method: 'get',
    path: '/v1/files',
    policy: ['train', 'read'],
    summary: 'The files',
    query: pageQuery({ limit: 10_000, order: 'desc', most: 10_000 }).extend({
      purpose: z.string().max(100).optional(),
    }),
    answer: listSchema(FILE_OBJECT),
  },
  get: {
    method: 'get',
    path: '/v1/files/{id}',
    policy: ['train', 'read'],
    summary: 'One of them',
    answer: FILE_OBJECT,
  },
  content: {
    method: 'get',
    path: '/v1/files/{id}/content',
    policy: ['train', 'read'],
    summary: 'Its bytes',
    answerType: 'application/octet-stream',
    answer: z.string(),
  },
  delete: {
    method: 'delete',
    path: '/v1/files/{id}',
    policy: ['train'],
    summary: 'Removes it; jobs keep their copy until they are over',
    answer: deletedSchema('file'),
  },
} as const satisfies Record<string, Route>;
