import { EventReader, isObject, nestsDeeper, type JsonRecord, type ServerEvent } from '../../../core/index.ts';
import { AnswerError } from './answer-error.ts';
import type { Mender } from './mender.ts';
import type { UpstreamAnswer } from './upstream-client.ts';
import { failureOfAnswer, malformed, readErrorObject, torn, type UpstreamFailure } from './upstream-failure.ts';

export interface AnswerFacts {
  readonly name: string;
  readonly secrets: readonly string[];
  readonly keyEnv: string | undefined;
}

const MAX_ERROR_BYTES = 64 * 2 ** 10;
const MAX_EVENT_LENGTH = 4 * 2 ** 20;
const MAX_DEPTH = 64;

/** Pieces of an answer, streamed or whole, whichever the server sent. Throws UpstreamFailure. */
export async function* answerPieces<Piece>(
  answer: UpstreamAnswer,
  mender: Mender<Piece>,
  facts: AnswerFacts,
): AsyncGenerator<Piece> {
  if (answer.status !== 200) throw await failureOf(answer, facts);
  const chunks = answer.chunks[Symbol.asyncIterator]();
  try {
    const first = await nextWithText(chunks);
    if (!isEventStream(answer, first)) {
      answer.isAlive();
      yield mend(facts, () => mender.whole(readWhole(first.text, facts)), true);
      return;
    }
    const reader = new EventReader({ maxEventLength: MAX_EVENT_LENGTH });
    let isDone = false;
    let chunk = first.bytes;
    for (let isLast = false; !isLast && !isDone;) {
      isLast = chunk === undefined;
      for (const event of readEvents(reader, chunk, facts)) {
        if (event.data.trim() === '[DONE]') {
          isDone = true;
          break;
        }
        const body = readEvent(event, facts);
        if (body === undefined) continue;
        answer.isAlive();
        const piece = mend(facts, () => mender.chunk(body));
        if (piece !== undefined) yield piece;
      }
      if (isLast || isDone) break;
      chunk = await nextChunk(chunks, mender, answer);
    }
    const last = mend(facts, () => mender.end(isDone));
    answer.release();
    await chunks.return?.(undefined);
    yield last;
  } finally {
    await chunks.return?.(undefined);
  }

  /** The first chunks that hold more than blanks; of what is no stream all of them. */
  async function nextWithText(
    from: AsyncIterator<Uint8Array>,
  ): Promise<{ bytes: Uint8Array | undefined; text: string }> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const { done, value } = await from.next();
      if (done !== true) parts.push(value);
      const bytes = Buffer.concat(parts);
      const start = bytes
        .subarray(0, 64)
        .toString('latin1')
        .replace(/^(?:ï»¿|\s)+/, '');
      if (done !== true && (start === '' || !isEventStream(answer, { text: start }))) continue;
      return {
        bytes: done === true && parts.length === 0 ? undefined : bytes,
        text: done === true ? bytes.toString() : start,
      };
    }
  }
}

/** After the last reason to end, what still comes is waited for this long. */
const TAIL_MS = 3000;

async function nextChunk<Piece>(
  chunks: AsyncIterator<Uint8Array>,
  mender: Mender<Piece>,
  answer: UpstreamAnswer,
): Promise<Uint8Array | undefined> {
  const next = chunks.next();
  if (!mender.isFinished) return (await next).value as Uint8Array | undefined;
  // Everything is there but usage and [DONE], which some servers never send while they hold the connection open.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      answer.close();
      resolve(undefined);
    }, TAIL_MS);
  });
  try {
    return await Promise.race([next.then(({ value }) => value as Uint8Array | undefined), late]);
  } catch {
    // The answer itself is whole.
    return undefined;
  } finally {
    clearTimeout(timer);
    next.catch(() => undefined);
  }
}

function isEventStream({ headers }: UpstreamAnswer, { text }: { readonly text: string }): boolean {
  const start = text.trimStart();
  if (/^[{[<]/.test(start)) return false;
  return headers['content-type']?.includes('text/event-stream') === true || /^(?:data|event|id|retry)?:/.test(start);
}

function readEvents(reader: EventReader, chunk: Uint8Array | undefined, { name }: AnswerFacts): ServerEvent[] {
  try {
    return chunk === undefined ? reader.finish() : reader.push(chunk);
  } catch (error) {
    if (error instanceof RangeError) throw malformed(name, error.message);
    throw error;
  }
}

/** The object of an event; undefined for events without one. */
function readEvent({ name: eventName, data }: ServerEvent, facts: AnswerFacts): JsonRecord | undefined {
  if (data.trim() === '') return undefined;
  let body: unknown;
  try {
    body = parse(data);
  } catch {
    if (eventName === 'error') throw failureOfBody({ error: { message: data } }, facts);
    throw malformed(facts.name, 'an event that is no JSON');
  }
  if (readErrorObject(body) !== undefined) throw failureOfBody(body, facts);
  if (eventName === 'error') throw failureOfBody({ error: body as never }, facts);
  return isObject(body) ? body : undefined;
}

function readWhole(text: string, facts: AnswerFacts): JsonRecord {
  const body = parseOr(text, facts);
  if (readErrorObject(body) !== undefined) throw failureOfBody(body, facts);
  if (!isObject(body)) throw malformed(facts.name, 'JSON that is no object');
  return body;
}

/** Throws UpstreamFailure for a text that is no JSON. */
export function parseOr(text: string, { name }: AnswerFacts): unknown {
  try {
    return parse(text);
  } catch {
    const what = /^\s*</.test(text) ? 'a page (HTML)' : text.trim() === '' ? 'nothing' : 'a text that is no JSON';
    throw malformed(name, what);
  }
}

/** Throws SyntaxError also for what is nested so deep that nobody could write it again. */
function parse(text: string): unknown {
  if (text.length > 1024 && nestsDeeper(text, MAX_DEPTH)) throw new SyntaxError(`more than ${MAX_DEPTH} levels`);
  return JSON.parse(text.replace(/^\uFEFF/, ''));
}

function failureOfBody(body: unknown, { name, secrets, keyEnv }: AnswerFacts): UpstreamFailure {
  return failureOfAnswer({ status: 200, body, secrets, name, keyEnv });
}

/** What an answer with an error status means. */
export async function failureOf(
  { status, headers, chunks }: UpstreamAnswer,
  facts: AnswerFacts,
): Promise<UpstreamFailure> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    size += chunk.length;
    if (size > MAX_ERROR_BYTES) break;
  }
  const text = Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES).toString();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // A page says nothing to a client; a short text may.
    body = /^\s*</.test(text) || text.trim() === '' ? undefined : { error: text };
  }
  return failureOfAnswer({ status, headers, body: flat(body), ...facts });
}

/** A body that is an error as a whole: `{"message": ...}`. */
function flat(body: unknown): unknown {
  if (readErrorObject(body) !== undefined || !isObject(body) || typeof body['message'] !== 'string') return body;
  return { error: body };
}

function mend<T>({ name }: AnswerFacts, work: () => T, isWhole = false): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    throw error.isTorn && !isWhole ? torn(name, error.message) : malformed(name, error.message);
  }
}
