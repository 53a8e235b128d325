import { z } from '@hono/zod-openapi';
import { createReadStream, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Context } from 'hono';
import type { FileRecord, Ledger } from '../../ledger/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { listOf, pageOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { filesFolder, hasExpired, removeFile } from './files-folder.ts';
import { receiveUpload } from './upload.ts';

const FILE_OBJECT = z
  .looseObject({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    filename: z.string(),
    purpose: z.string(),
    status: z.enum(['uploaded', 'processed', 'error']),
  })
  .openapi('File');

/** What files are for. Only those of fine-tuning have a use here. */
const PURPOSES = ['fine-tune', 'fine-tune-results'];

const [LEAST_SECONDS, MOST_SECONDS] = [3600, 2_592_000];

/** OpenAI's files: uploads for fine-tuning, and its results. */
export function fileRoutes({ ledger, limits }: ServeServices): RouteDefinition[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none), so it takes no files', { code: 'no_store' });
  };
  const find = async (context: Context): Promise<FileRecord> => {
    const id = context.req.param('id')!;
    const record = await kept().files.get(id);
    if (record === undefined) throw missing(id);
    if (!hasExpired(record)) return record;
    await removeFile(kept(), record);
    throw missing(id);
  };
  return [
    {
      method: 'post',
      path: '/v1/files',
      policy: ['train'],
      summary: 'Takes a file (multipart/form-data: file, purpose)',
      answer: FILE_OBJECT,
      handle: async (context) => {
        const { body } = context.req.raw;
        if (body === null) throw new ServeError(400, 'file: must be given as a part of the form', { param: 'file' });
        const folder = filesFolder(kept());
        const { fields, ...file } = await receiveUpload({
          folder,
          maxBytes: limits.maxUploadBytes,
          contentType: context.req.header('content-type') ?? '',
          body: body as ReadableStream<Uint8Array>,
        });
        try {
          const createdAt = Date.now();
          const record: FileRecord = {
            ...file,
            createdAt,
            purpose: purposeOf(fields),
            expiresAt: expiryOf(fields, createdAt),
            status: 'processed',
          };
          if (record.bytes === 0) throw new ServeError(400, 'file: must not be empty', { param: 'file' });
          await kept().files.add(record);
          return context.json(fileObject(record));
        } catch (thrown) {
          rmSync(join(folder, file.id), { force: true });
          throw thrown;
        }
      },
    },
    {
      method: 'get',
      path: '/v1/files',
      policy: ['train', 'read'],
      summary: 'The files',
      handle: async (context) => {
        const query = context.req.query();
        const { items, hasMore } = await kept().files.list({
          ...pageOf(query, { limit: 10_000, order: 'desc', most: 10_000 }),
          ...(query['purpose'] !== undefined && { purpose: query['purpose'] }),
        });
        return context.json(listOf(items.filter((file) => !hasExpired(file)).map(fileObject), hasMore));
      },
    },
    {
      method: 'get',
      path: '/v1/files/{id}',
      policy: ['train', 'read'],
      summary: 'One of them',
      answer: FILE_OBJECT,
      handle: async (context) => context.json(fileObject(await find(context))),
    },
    {
      method: 'get',
      path: '/v1/files/{id}/content',
      policy: ['train', 'read'],
      summary: 'Its bytes',
      answerType: 'application/octet-stream',
      answer: z.string(),
      handle: async (context) => {
        const { id, bytes } = await find(context);
        const path = join(filesFolder(kept()), id);
        if (!existsSync(path)) throw missing(id);
        return new Response(Readable.toWeb(createReadStream(path)) as globalThis.ReadableStream, {
          headers: {
            'content-type': 'application/octet-stream',
            'content-length': String(bytes),
            // A browser must not take it for a page.
            'content-disposition': 'attachment',
            'x-request-id': context.get('requestId'),
          },
        });
      },
    },
    {
      method: 'delete',
      path: '/v1/files/{id}',
      policy: ['train'],
      summary: 'Removes it; jobs keep their copy until they are over',
      handle: async (context) => {
        const record = await find(context);
        await removeFile(kept(), record);
        return context.json({ id: record.id, object: 'file', deleted: true });
      },
    },
  ];
}

/** OpenAI's object. */
export function fileObject({ id, bytes, createdAt, filename, purpose, status, statusDetails, expiresAt }: FileRecord): {
  readonly id: string;
} {
  return {
    id,
    object: 'file',
    bytes,
    created_at: Math.floor(createdAt / 1000),
    filename,
    purpose,
    status,
    status_details: statusDetails ?? null,
    ...(expiresAt !== undefined && { expires_at: Math.floor(expiresAt / 1000) }),
  } as { readonly id: string };
}

function purposeOf({ purpose }: Readonly<Record<string, string>>): string {
  if (purpose !== undefined && PURPOSES.includes(purpose)) return purpose;
  throw new ServeError(400, `purpose: must be fine-tune, got ${purpose?.slice(0, 50) ?? 'none'}`, { param: 'purpose' });
}

/** `expires_after[anchor]` and `expires_after[seconds]` of the form. */
function expiryOf(fields: Readonly<Record<string, string>>, createdAt: number): number | undefined {
  const [anchor, text] = [fields['expires_after[anchor]'], fields['expires_after[seconds]']];
  if (anchor === undefined && text === undefined) return undefined;
  const seconds = Number(text);
  if (anchor === 'created_at' && Number.isSafeInteger(seconds) && seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)
    return createdAt + seconds * 1000;
  throw new ServeError(
    400,
    `expires_after: must be {"anchor": "created_at", "seconds": ${LEAST_SECONDS} to ${MOST_SECONDS}}`,
    { param: 'expires_after' },
  );
}

function missing(id: string): ServeError {
  return new ServeError(404, `No such File object: ${id.slice(0, 100)}`, { code: 'not_found', param: 'id' });
}
