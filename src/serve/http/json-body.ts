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
  const reader = context.req.raw.body?.getReader();
  for (;;) {
    const read = await reader?.read();
    if (read === undefined || read.done) break;
    const { value } = read;
    size += value.byteLength;
    if (size > maxBytes) {
      await reader!.cancel();
      tooLong();
    }
    parts.push(value);
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
