import type { JsonObject } from '../../core/index.ts';
import { ServeError } from '../serve-error.ts';
import { asServeError, errorBody } from './errors.ts';

export interface EventStreamOptions {
  /** Milliseconds for which a client may read nothing while something waits for it. */
  readonly stallMs: number;
  /** Milliseconds without an event after which a comment says that there is an answer still. Clients pass comments over; what stands between them and here does not take the connection for dead. */
  readonly keepAliveMs: number;
  /** Nothing has come for `keepAliveMs` already: the stream begins with a comment. */
  readonly isLate?: boolean;
  /** The client is gone, or has read nothing for too long. */
  readonly onGone: () => void;
}

const ENCODER = new TextEncoder();
const COMMENT = ENCODER.encode(': still working\n\n');

/** What `work` gives, or undefined where it takes longer. Where it fails later, nobody hears of it from here. */
export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Server-sent events: `data: {json}` for each object, `data: [DONE]` behind the last. A failure in the middle is one event with OpenAI's error object, which clients throw,
 * and no `[DONE]` behind it. Objects are asked for as the client reads, and a comment says that one is on its way for long; a client that stops reading ends the answer.
 */
export function eventStream(
  events: AsyncIterable<JsonObject>,
  { stallMs, keepAliveMs, isLate = false, onGone }: EventStreamOptions,
): ReadableStream {
  const iterator = events[Symbol.asyncIterator]();
  let stalled: NodeJS.Timeout | undefined;
  /** Asked for, and not there yet. */
  let waiting: Promise<IteratorResult<JsonObject>> | undefined;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clearTimeout(stalled);
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (isLate) controller.enqueue(COMMENT);
      },
      async pull(controller) {
        clearTimeout(stalled);
        try {
          waiting ??= iterator.next();
          const next = await within(waiting, keepAliveMs);
          if (isOver) return;
          if (next !== undefined) waiting = undefined;
          if (next?.done === true) {
            end();
            controller.enqueue(ENCODER.encode('data: [DONE]\n\n'));
            controller.close();
            return;
          }
          controller.enqueue(next === undefined ? COMMENT : ENCODER.encode(`data: ${JSON.stringify(next.value)}\n\n`));
        } catch (thrown) {
          if (isOver) return;
          end();
          controller.enqueue(ENCODER.encode(`data: ${JSON.stringify(errorBody(asServeError(thrown)))}\n\n`));
          controller.close();
          return;
        }
        stalled = setTimeout(() => {
          end();
          onGone();
          // What stands behind it waits at an event that nobody asks for, and would never end.
          void Promise.resolve(iterator.return?.(undefined)).catch(() => undefined);
          // Whoever reads on after all learns that this is no end.
          const error = new ServeError(408, `The answer was not read for ${stallMs / 1000} s`, { code: 'not_read' });
          controller.enqueue(ENCODER.encode(`data: ${JSON.stringify(errorBody(error))}\n\n`));
          controller.close();
        }, stallMs);
        stalled.unref();
      },
      async cancel() {
        end();
        onGone();
        await iterator.return?.(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}
