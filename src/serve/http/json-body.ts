import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { isObject, nestsDeeper, type JsonObject } from '../../core/index.ts';
import type { z } from 'zod';
import { ServeError } from '../serve-error.ts';

/** Lists in lists, and objects in objects. Deeper bodies are no request of anyone. */
export const MAX_BODY_DEPTH = 64;

/** The body of a request, at most so long. Throws ServeError 413, 415 and 400. */
export async function readBody(context: Context, maxBytes: number): Promise<JsonObject> {
  const type = context.req.header('content-type') ?? '';
  // A form of another site can send text/plain without asking first.
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(type))
    throw new ServeError(
      415,
      `The body must be JSON with the content type application/json, got ${type.slice(0, 100) || 'none'}`,
    );
  const tooLong = (): never => {
    throw new ServeError(413, `The body must have at most ${maxBytes} bytes`, { code: 'body_too_large' });
  };
  if (Number(context.req.header('content-length') ?? 0) > maxBytes) tooLong();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of partsOf(context)) {
      size += part.byteLength;
      if (size > maxBytes) tooLong();
      parts.push(part);
    }
  } catch (thrown) {
    if (thrown instanceof ServeError) throw thrown;
    // The connection broke: nobody hears of it, and it is no fault of ours.
    throw new ServeError(499, 'The client is gone', { shouldRetry: false });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new ServeError(400, 'The body must be UTF-8, and is not');
  }
  if (nestsDeeper(text, MAX_BODY_DEPTH))
    throw new ServeError(400, `The body must nest at most ${MAX_BODY_DEPTH} levels`, { code: 'body_too_deep' });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ServeError(400, `The body must be JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (!isObject(body)) throw new ServeError(400, 'The body must be a JSON object');
  return body as JsonObject;
}

/** The bytes of a request as they come. Node's own stream costs a third of the web's, which is there where no Node is. */
function partsOf(context: Context): AsyncIterable<Uint8Array> {
  const { incoming } = (context.env ?? {}) as Partial<HttpBindings>;
  // Whoever is refused in the middle shall hear why, so the connection stays.
  if (incoming !== undefined) return incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  return context.req.raw.body ?? new ReadableStream({ start: (controller) => controller.close() });
}

const MAX_TOLD = 10;

/** The body as its schema wants it. Throws ServeError 400 with every problem; `param` is the first one's field. */
export function checkBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  return checkFields(schema, body, 'body');
}

/** The same of any part of a request, which is named where no field of it is to blame. */
export function checkFields<S extends z.ZodType>(schema: S, fields: unknown, part: string): z.output<S> {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          field: fieldOf([...issue.path, key], part),
          message: 'is not known here; leave it out',
        }))
      : [{ field: fieldOf(issue.path, part), message: issue.message }],
  );
  const told = problems.slice(0, MAX_TOLD).map(({ field, message }) => `${field}: ${message}`);
  const rest = problems.length - told.length;
  throw new ServeError(400, `${told.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`.slice(0, 4000), {
    code: 'invalid_value',
    param: problems[0]!.field,
  });
}

function fieldOf(path: readonly PropertyKey[], part: string): string {
  const text = path
    .map((step, place) => (typeof step === 'number' ? `[${step}]` : `${place === 0 ? '' : '.'}${String(step)}`))
    .join('');
  return text.slice(0, 200) || part;
}
