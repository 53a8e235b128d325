import { createReadStream, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { FILE_PURPOSES, FILE_ROUTES, LEAST_FILE_SECONDS, MOST_FILE_SECONDS, type Answered } from '../../api/index.ts';
import type { FileRecord, Ledger } from '../../ledger/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { filesFolder, hasExpired, removeFile } from './files-folder.ts';
import { receiveUpload } from './upload.ts';

/** OpenAI's files: uploads for fine-tuning, and its results. */
export function fileRoutes({ ledger, limits }: ServeServices): HandledRoute[] {
  const kept = (): Ledger => {
    if (ledger !== undefined) return ledger;
    throw new ServeError(404, 'This server has no store (--store none), so it takes no files', { code: 'no_store' });
  };
  const find = async (id: string): Promise<FileRecord> => {
    const record = await kept().files.get(id);
    if (record === undefined) throw missing(id);
    if (!hasExpired(record)) return record;
    await removeFile(kept(), record);
    throw missing(id);
  };
  return [
    handled(FILE_ROUTES.upload, async ({ context }) => {
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
        return fileObject(record);
      } catch (thrown) {
        rmSync(join(folder, file.id), { force: true });
        throw thrown;
      }
    }),
    handled(FILE_ROUTES.list, async ({ query: { purpose, ...page } }) => {
      const { items, hasMore } = await kept().files.list({ ...page, ...(purpose !== undefined && { purpose }) });
      return listOf(items.filter((file) => !hasExpired(file)).map(fileObject), hasMore);
    }),
    handled(FILE_ROUTES.get, async ({ params }) => fileObject(await find(params.id))),
    handled(FILE_ROUTES.content, async ({ context, params }) => {
      const { id, bytes } = await find(params.id);
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
    }),
    handled(FILE_ROUTES.delete, async ({ params }) => {
      const record = await find(params.id);
      await removeFile(kept(), record);
      return { id: record.id, object: 'file', deleted: true };
    }),
  ];
}

/** OpenAI's object. */
export function fileObject({
  id,
  bytes,
  createdAt,
  filename,
  purpose,
  status,
  statusDetails,
  expiresAt,
}: FileRecord): Answered<typeof FILE_ROUTES.get> {
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
  };
}

function purposeOf({ purpose }: Readonly<Record<string, string>>): string {
  const known = FILE_PURPOSES.find((one) => one === purpose);
  if (known !== undefined) return known;
  throw new ServeError(400, `purpose: must be fine-tune, got ${purpose?.slice(0, 50) ?? 'none'}`, { param: 'purpose' });
}

/** `expires_after[anchor]` and `expires_after[seconds]` of the form. */
function expiryOf(fields: Readonly<Record<string, string>>, createdAt: number): number | undefined {
  const [anchor, text] = [fields['expires_after[anchor]'], fields['expires_after[seconds]']];
  if (anchor === undefined && text === undefined) return undefined;
  const seconds = Number(text);
  if (
    anchor === 'created_at' &&
    Number.isSafeInteger(seconds) &&
    seconds >= LEAST_FILE_SECONDS &&
    seconds <= MOST_FILE_SECONDS
  )
    return createdAt + seconds * 1000;
  throw new ServeError(
    400,
    `expires_after: must be {"anchor": "created_at", "seconds": ${LEAST_FILE_SECONDS} to ${MOST_FILE_SECONDS}}`,
    { param: 'expires_after' },
  );
}

function missing(id: string): ServeError {
  return new ServeError(404, `No such File object: ${id.slice(0, 100)}`, { code: 'not_found', param: 'id' });
}
