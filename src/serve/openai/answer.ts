import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import type { JsonObject } from '../../core/index.ts';
import type { InferenceStart } from '../../ledger/index.ts';
import type { Lease } from '../models/lease.ts';
import type { Backend, Call, CheckedBody, TokenUsage } from '../backends/backend.ts';
import { asServeError } from '../http/errors.ts';
import { eventStream, within } from '../http/event-stream.ts';
import type { ServeServices } from '../services.ts';
import { createRecord, type RequestRecord } from './request-record.ts';
import { ServeError } from '../serve-error.ts';

/** What is different in the two routes that answer. */
export interface AnswerRoute<Piece extends AnyPiece> {
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

type AnyPiece = { readonly usage?: TokenUsage; readonly choices: readonly unknown[] };

/** A request on its way: what was admitted, what has come, and when. */
interface Asked<Piece extends AnyPiece> {
  readonly context: Context;
  readonly services: ServeServices;
  readonly route: AnswerRoute<Piece>;
  readonly record: RequestRecord;
  readonly head: { readonly id: string; readonly created: number; readonly model: string };
  readonly lease: Lease;
  readonly gathered: ReturnType<AnswerRoute<Piece>['gather']>;
  readonly began: number;
  firstTokenMs: number | undefined;
}

/** Answers a request whose body was checked: admission, ledger, backend, pieces, answer or stream. */
export async function answerRequest<Piece extends AnyPiece>(
  context: Context,
  body: JsonObject & { readonly model: string },
  { route, services }: { readonly route: AnswerRoute<Piece>; readonly services: ServeServices },
): Promise<Response> {
  const began = performance.now();
  const createdAt = Date.now();
  const isStreamed = body['stream'] === true;
  checkStore(body, services);
  services.requireRoom(context.get('caller'));
  const id = `${route.idPrefix}-${randomBytes(12).toString('hex')}`;
  const choice = services.arms?.choose(body.model, { ...askerOf(body), request: id });
  const lease = services.book.lease(choice?.model ?? body.model);
  const { version } = lease;
  const asked: Asked<Piece> = {
    context,
    services,
    route,
    record: createRecord(
      services,
      startOf(id, { body, route, createdAt, version, keyId: context.get('caller').keyId }),
      choice?.exposure,
    ),
    head: { id, created: Math.floor(createdAt / 1000), model: body.model },
    lease,
    gathered: route.gather(),
    began,
    firstTokenMs: undefined,
  };
  const { controller, gone, release } = watch(context.req.raw.signal, services.limits.requestSeconds);
  const finish = endingOf(asked, release);
  try {
    const pieces = route.ask(version.backend, body, { signal: controller.signal, isStreamed })[Symbol.asyncIterator]();
    // Written while the first piece is drawn, and on the disk before it leaves.
    const beginning = isStreamed ? asked.record.begin() : undefined;
    const { stallSeconds, keepAliveSeconds } = services.limits;
    const first = pieces.next();
    // What is refused has a status of its own, unless a long prompt keeps the client waiting for it.
    const isLate = (await (isStreamed ? within(first, keepAliveSeconds * 1000) : first)) === undefined;
    const all = gathering(asked, first, pieces);
    context.header('x-preftune-version', version.id);
    if (!isStreamed) {
      for await (const _ of all);
      return context.json((await finish()) as object);
    }
    await beginning;
    const withUsage = (body['stream_options'] as JsonObject | undefined)?.['include_usage'] === true;
    const events = eventsOf(asked, { all, finish, withUsage });
    const timing = { stallMs: stallSeconds * 1000, keepAliveMs: keepAliveSeconds * 1000, isLate };
    return new Response(eventStream(events, { ...timing, onGone: gone }), {
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

interface Watch {
  readonly controller: AbortController;
  /** The client is gone. */
  readonly gone: () => void;
  /** Nobody looks at the clock and the client any more. */
  readonly release: () => void;
}

/** Ends an answer whose client went away, and one that takes too long. */
function watch(signal: AbortSignal, seconds: number): Watch {
  const controller = new AbortController();
  const gone = (): void => controller.abort(clientGone());
  signal.addEventListener('abort', gone);
  if (signal.aborted) gone();
  const late = (): void =>
    controller.abort(new ServeError(504, `The answer took longer than ${seconds} s`, { code: 'timeout' }));
  const timer = setTimeout(late, seconds * 1000);
  timer.unref();
  return {
    controller,
    gone,
    release: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', gone);
    },
  };
}

function clientGone(): ServeError {
  return new ServeError(499, 'The client is gone', { shouldRetry: false });
}

/** Tells once how it ended: to the record, to the figures, to whoever waits for the version. Gives the whole answer. */
function endingOf<Piece extends AnyPiece>(
  asked: Asked<Piece>,
  release: () => void,
): (thrown?: unknown) => Promise<JsonObject | undefined> {
  const { context, services, route, record, head, lease, gathered, began } = asked;
  let isEnded = false;
  return async (thrown) => {
    if (isEnded) return undefined;
    isEnded = true;
    release();
    const error = thrown === undefined ? undefined : asServeError(thrown);
    const totalMs = performance.now() - began;
    const { usage } = gathered;
    const { firstTokenMs } = asked;
    const isCancelled = error?.status === 499;
    services.spend(context.get('caller'), usage?.total_tokens ?? 0);
    services.metrics.record({
      operation: route.operation,
      model: lease.version.name,
      seconds: totalMs / 1000,
      firstTokenSeconds: firstTokenMs === undefined ? undefined : firstTokenMs / 1000,
      promptTokens: usage?.prompt_tokens,
      completionTokens: usage?.completion_tokens,
      errorType: error === undefined ? undefined : isCancelled ? 'cancelled' : String(error.status),
    });
    lease.release();
    const response = gathered.whole(head);
    await record.end({
      status: error === undefined ? 'complete' : isCancelled ? 'cancelled' : 'failed',
      finishReasons: gathered.finishReasons,
      promptTokens: usage?.prompt_tokens,
      completionTokens: usage?.completion_tokens,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens,
      firstTokenMs,
      totalMs,
      response,
      error: error?.message,
    });
    return response;
  };
}

/** The pieces, put together as they pass. */
async function* gathering<Piece extends AnyPiece>(
  asked: Asked<Piece>,
  first: Promise<IteratorResult<Piece>>,
  pieces: AsyncIterator<Piece>,
): AsyncGenerator<Piece> {
  try {
    for (let next = await first; next.done !== true; next = await pieces.next()) {
      asked.firstTokenMs ??= performance.now() - asked.began;
      asked.gathered.add(next.value);
      yield next.value;
    }
  } finally {
    await pieces.return?.(undefined);
  }
}

interface EventOptions<Piece> {
  readonly all: AsyncGenerator<Piece>;
  readonly finish: (thrown?: unknown) => Promise<unknown>;
  readonly withUsage: boolean;
}

/** The chunks of a stream. It is finished before the last of them, so that what a client has whole is whole on the disk. */
async function* eventsOf<Piece extends AnyPiece>(
  { context, services, head, route, gathered }: Asked<Piece>,
  { all, finish, withUsage }: EventOptions<Piece>,
): AsyncGenerator<JsonObject> {
  try {
    for await (const piece of all) {
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
    // The status has left: nobody else hears of it.
    if (asServeError(thrown).status === 500) services.tellFault(context.get('requestId'), thrown);
    await finish(thrown);
    throw thrown;
  } finally {
    // A client that went away ends the generator here.
    await finish(clientGone());
  }
}

/** Who asks, and in which conversation, as the client says it. */
function askerOf({ metadata, user, safety_identifier: safetyIdentifier }: JsonObject): {
  readonly user: string | undefined;
  readonly episode: string | undefined;
} {
  const pairs = (metadata ?? undefined) as Readonly<Record<string, string>> | undefined;
  return { user: (safetyIdentifier ?? user ?? undefined) as string | undefined, episode: pairs?.['episode_id'] };
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
  const { metadata, store } = body;
  const { user, episode } = askerOf(body);
  const pairs = (metadata ?? undefined) as Readonly<Record<string, string>> | undefined;
  return {
    id,
    createdAt,
    route: route.operation === 'chat' ? 'chat' : 'completions',
    requestedModel: body.model,
    versionId: version.id,
    backend: version.backend.kind,
    keyId,
    user,
    episodeId: episode,
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
