import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import type { JsonObject } from '../../core/index.ts';
import type { InferenceEnd, InferenceStart } from '../../ledger/index.ts';
import type { Backend, Call, CheckedBody, TokenUsage } from '../backends/backend.ts';
import { asServeError } from '../http/errors.ts';
import { eventStream } from '../http/event-stream.ts';
import type { ServeServices } from '../services.ts';
import { ServeError } from '../serve-error.ts';

/** What is different in the two routes that answer. */
export interface AnswerRoute<Piece extends { readonly usage?: TokenUsage; readonly choices: readonly unknown[] }> {
  readonly operation: 'chat' | 'text_completion';
  readonly idPrefix: string;
  readonly objectOfPieces: string;
  ask(backend: Backend, body: CheckedBody, call: Call): AsyncIterable<Piece>;
  gather(): {
    add(piece: Piece): void;
    readonly usage: TokenUsage | undefined;
    readonly finishReasons: readonly string[];
    whole(head: { readonly id: string; readonly created: number; readonly model: string }): JsonObject;
  };
  /** The texts of a request, kept where the ledger keeps texts. */
  textsOf(body: JsonObject): JsonObject;
}

/** Fields that say how tokens are drawn; they hold no text. */
const PARAMETERS = [
  'n',
  'seed',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'repetition_penalty',
  'frequency_penalty',
  'presence_penalty',
  'max_tokens',
  'max_completion_tokens',
  'logprobs',
  'top_logprobs',
  'stream',
  'echo',
] as const;

/** Answers a request whose body was checked: admission, ledger, backend, pieces, answer or stream. */
export async function answerRequest<
  Piece extends { readonly usage?: TokenUsage; readonly choices: readonly unknown[] },
>(
  context: Context,
  body: JsonObject & { readonly model: string },
  { route, services }: { readonly route: AnswerRoute<Piece>; readonly services: ServeServices },
): Promise<Response> {
  const { book, ledger, forwarder, metrics, limits } = services;
  const began = performance.now();
  const createdAt = Date.now();
  const isStreamed = body['stream'] === true;
  checkStore(body, services);
  services.requireRoom(context.get('caller'), body);
  const lease = book.lease(body.model);
  const { version } = lease;
  const controller = new AbortController();
  const gone = (): void => controller.abort(new ServeError(499, 'The client is gone', { shouldRetry: false }));
  const { signal } = context.req.raw;
  signal.addEventListener('abort', gone);
  if (signal.aborted) gone();
  const timer = setTimeout(
    () =>
      controller.abort(
        new ServeError(504, `The answer took longer than ${limits.requestSeconds} s`, { code: 'timeout' }),
      ),
    limits.requestSeconds * 1000,
  );
  timer.unref();
  const id = `${route.idPrefix}-${randomBytes(12).toString('hex')}`;
  const head = { id, created: Math.floor(createdAt / 1000), model: body.model };
  const start = startOf(id, { body, route, createdAt, version, keyId: context.get('caller').keyId });
  const gathered = route.gather();
  let firstTokenMs: number | undefined;
  let isEnded = false;

  /** What happened is told once: to the ledger, to the figures, to whoever waits for the version. */
  const finish = async (thrown?: unknown): Promise<void> => {
    if (isEnded) return;
    isEnded = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', gone);
    const error = thrown === undefined ? undefined : asServeError(thrown);
    const totalMs = performance.now() - began;
    const { usage } = gathered;
    services.spend(context.get('caller'), usage?.total_tokens ?? 0);
    metrics.record({
      operation: route.operation,
      model: version.name,
      seconds: totalMs / 1000,
      firstTokenSeconds: firstTokenMs === undefined ? undefined : firstTokenMs / 1000,
      promptTokens: usage?.prompt_tokens,
      completionTokens: usage?.completion_tokens,
      errorType: error === undefined ? undefined : error.status === 499 ? 'cancelled' : String(error.status),
    });
    if (error?.status === 500) services.tellFault(context.get('requestId'), thrown);
    lease.release();
    const end: InferenceEnd = {
      status: error === undefined ? 'complete' : error.status === 499 ? 'cancelled' : 'failed',
      finishReasons: gathered.finishReasons,
      promptTokens: usage?.prompt_tokens,
      completionTokens: usage?.completion_tokens,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens,
      firstTokenMs,
      totalMs,
      response: gathered.whole(head),
      error: error?.message,
    };
    await Promise.all([ledger?.inferences.finish(id, end), forwarder?.inference(start, end)]);
  };

  try {
    const pieces = route.ask(version.backend, body, { signal: controller.signal, isStreamed })[Symbol.asyncIterator]();
    // The row is written while the answer is drawn, and is there before any byte leaves: of a stream before its first piece, else with its end.
    const beginning = ledger?.inferences.begin(start);
    beginning?.catch(() => undefined);
    const first = await pieces.next();
    if (isStreamed) await beginning;
    const all = async function* (): AsyncGenerator<Piece> {
      try {
        for (let next = first; next.done !== true; next = await pieces.next()) {
          firstTokenMs ??= performance.now() - began;
          gathered.add(next.value);
          yield next.value;
        }
      } finally {
        await pieces.return?.(undefined);
      }
    };
    context.header('x-preftune-version', version.id);
    if (!isStreamed) {
      for await (const _ of all());
      await Promise.all([beginning, finish()]);
      return context.json(gathered.whole(head) as object);
    }
    const withUsage = (body['stream_options'] as JsonObject | undefined)?.['include_usage'] === true;
    const events = async function* (): AsyncGenerator<JsonObject> {
      try {
        for await (const piece of all()) {
          const { usage: _, choices, ...rest } = piece as unknown as JsonObject & { choices: readonly JsonObject[] };
          // One choice a chunk, as OpenAI sends them.
          for (const choice of choices)
            yield {
              ...head,
              object: route.objectOfPieces,
              ...rest,
              choices: [{ logprobs: null, ...choice }],
              ...(withUsage && { usage: null }),
            };
        }
        await finish();
        if (withUsage)
          yield {
            ...head,
            object: route.objectOfPieces,
            choices: [],
            usage: (gathered.usage ?? null) as unknown as JsonObject,
          };
      } catch (thrown) {
        await finish(thrown);
        throw thrown;
      } finally {
        // A client that went away ends the generator here.
        await finish(new ServeError(499, 'The client is gone', { shouldRetry: false }));
      }
    };
    return new Response(eventStream(events(), { stallMs: limits.stallSeconds * 1000, onGone: gone }), {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        // nginx gathers answers unless it is told not to.
        'x-accel-buffering': 'no',
        'x-request-id': context.get('requestId'),
        'x-preftune-version': version.id,
      },
    });
  } catch (thrown) {
    // Nobody will read what is still being drawn.
    controller.abort(asServeError(thrown));
    await finish(thrown);
    throw thrown;
  }
}

function startOf(
  id: string,
  {
    body,
    route,
    createdAt,
    version,
    keyId,
  }: {
    readonly body: JsonObject & { readonly model: string };
    readonly route: Pick<AnswerRoute<never>, 'operation' | 'textsOf'>;
    readonly createdAt: number;
    readonly version: { readonly id: string; readonly backend: Backend };
    readonly keyId: string | undefined;
  },
): InferenceStart {
  const { metadata, user, safety_identifier: safetyIdentifier, store } = body;
  const pairs = (metadata ?? undefined) as Readonly<Record<string, string>> | undefined;
  return {
    id,
    createdAt,
    route: route.operation === 'chat' ? 'chat' : 'completions',
    requestedModel: body.model,
    versionId: version.id,
    backend: version.backend.kind,
    keyId,
    user: (safetyIdentifier ?? user ?? undefined) as string | undefined,
    episodeId: pairs?.['episode_id'],
    metadata: pairs,
    parameters: Object.fromEntries(
      PARAMETERS.filter((name) => body[name] !== undefined && body[name] !== null).map((name) => [name, body[name]!]),
    ),
    request: route.textsOf(body),
    store: (store ?? undefined) as boolean | undefined,
  };
}

/** A server that keeps no texts says so, where it is asked to keep some. */
function checkStore(body: JsonObject, { ledger }: ServeServices): void {
  if (body['store'] !== true || ledger?.log === 'text') return;
  throw new ServeError(400, 'store: this server keeps no texts (--log text keeps them); leave it out, or send false', {
    param: 'store',
  });
}
