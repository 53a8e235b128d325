import type { JsonObject } from '../../core/index.ts';
import { asServeError, errorBody } from './errors.ts';

export interface EventStreamOptions {
  /** Milliseconds for which a client may read nothing while something waits for it. */
  readonly stallMs: number;
  /** The client is gone, or has read nothing for too long. */
  readonly onGone: () => void;
}

const ENCODER = new TextEncoder();

/**
 * Server-sent events: `data: {json}` for each object, `data: [DONE]` behind the last. A failure in the middle is one event with OpenAI's error object, which clients throw,
 * and no `[DONE]` behind it. Objects are asked for as the client reads; one that stops reading ends the answer.
 */
export function eventStream(
  events: AsyncIterable<JsonObject>,
  { stallMs, onGone }: EventStreamOptions,
): ReadableStream {
  const iterator = events[Symbol.asyncIterator]();
  let stalled: NodeJS.Timeout | undefined;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clearTimeout(stalled);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stalled);
        try {
          const { done, value } = await iterator.next();
          if (isOver) return;
          if (done === true) {
            end();
            controller.enqueue(ENCODER.encode('data: [DONE]\n\n'));
            controller.close();
            return;
          }
          controller.enqueue(ENCODER.encode(`data: ${JSON.stringify(value)}\n\n`));
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
          controller.error(new Error('the client reads nothing'));
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
