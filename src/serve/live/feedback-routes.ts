import type { Context } from 'hono';
import { z } from 'zod';
import { listSchema, pageQuery, type Unchanging } from '../../api/index.ts';
import { badInputProblems } from '../../core/index.ts';
import {
  readSignal,
  SIGNAL_KINDS,
  SIGNAL_SCHEMA,
  signalObject,
  signalOfTensorZero,
  TENSORZERO_FEEDBACK,
  type Feedback,
  type RefusalCode,
  type Signal,
  type SignalSender,
  type Taken,
} from '../../feedback/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { checkBody } from '../http/json-body.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

const MOST_BYTES = 64 * 2 ** 10;
const MOST_SIGNALS = 100;

const BATCH = z.strictObject({ signals: z.array(z.unknown()).min(1).max(MOST_SIGNALS) }).meta({ id: 'FeedbackBatch' });

const STATUSES: Readonly<Record<RefusalCode, number>> = {
  not_found: 404,
  gone: 410,
  erased_user: 410,
  invalid_value: 400,
  texts_not_kept: 400,
  key_reused: 409,
};

const ERROR = z.object({
  message: z.string(),
  type: z.string(),
  param: z.string().nullable(),
  code: z.string().nullable(),
  status: z.int(),
});

/** What became of one signal. */
const TAKEN_OBJECT = z
  .object({
    object: z.literal('preftune.feedback.taken'),
    status: z.enum(['accepted', 'duplicate', 'refused']),
    id: z.string().nullable(),
    warnings: z.array(z.string()),
    /** Of one that was refused in a batch. */
    error: ERROR.nullable(),
  })
  .meta({ id: 'FeedbackTaken' });

type TakenObject = Unchanging<z.output<typeof TAKEN_OBJECT>>;

const SIGNAL_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('preftune.feedback'),
    created_at: z.number(),
    said_at: z.number().nullable(),
    kind: z.enum(SIGNAL_KINDS),
    name: z.string().nullable(),
    inference_id: z.string().nullable(),
    choice: z.int().nullable(),
    other: z.object({ inference_id: z.string(), choice: z.int() }).nullable(),
    episode_id: z.string().nullable(),
    value: z.number().nullable(),
    word: z.enum(['a', 'b', 'tie', 'both_good', 'both_bad']).nullable(),
    text: z.string().nullable(),
    scale: z.array(z.number()).nullable(),
    strength: z.int().nullable(),
    left: z.enum(['a', 'b']).nullable(),
    tags: z.record(z.string(), z.string()),
    user_hash: z.string().nullable(),
    is_anonymous: z.boolean(),
    key_id: z.string().nullable(),
    model: z.string(),
    version: z.string(),
    is_current: z.boolean(),
  })
  .meta({ id: 'Feedback' });

const seconds = z.coerce.number<number | string>().min(0).max(9e12).optional();
const FILTER = pageQuery({ order: 'desc' }).extend({
  kind: z.enum(SIGNAL_KINDS).optional(),
  model: z.string().max(256).optional(),
  user: z.string().min(1).max(512).optional(),
  user_hash: z.string().max(64).optional(),
  inference_id: z.string().max(200).optional(),
  episode_id: z.string().max(512).optional(),
  since: seconds,
  until: seconds,
  current: z.enum(['true', 'false']).optional(),
});

/** Feedback over HTTP: TensorZero's route and our own, and the list of what came. */
export function feedbackRoutes({ feedback, feedbackAllowance }: ServeServices): HandledRoute[] {
  const kept = (): Feedback => {
    if (feedback !== undefined) return feedback;
    throw new ServeError(503, 'This server keeps nothing (--store none); send feedback to one that does', {
      code: 'no_store',
      shouldRetry: false,
    });
  };
  const spend = (context: Context, signals: number): void => {
    const caller = context.get('caller').keyId ?? 'local';
    feedbackAllowance.take(caller);
    feedbackAllowance.spend(caller, signals);
  };
  return [
    handled(
      {
        method: 'post',
        path: '/feedback',
        policy: ['feedback'],
        summary: "Feedback in TensorZero's shape: a metric, a comment or a demonstration",
        body: TENSORZERO_FEEDBACK,
        maxBodyBytes: MOST_BYTES,
        answer: z.object({ feedback_id: z.string() }),
      },
      async ({ context, body }) => {
        spend(context, 1);
        const signal = withKey(
          context,
          readable(() => signalOfTensorZero(body)),
        );
        const [taken] = await kept().take([signal], { sender: senderOf(context), isDry: body.dryrun === true });
        return { feedback_id: idOf(taken!) };
      },
    ),
    handled(
      {
        method: 'post',
        path: '/v1/preftune/feedback',
        policy: ['feedback'],
        summary: `One signal, or up to ${MOST_SIGNALS} as {"signals": [...]}, of which each is told on its own`,
        body: z.union([SIGNAL_SCHEMA, BATCH]),
        isBodyRaw: true,
        maxBodyBytes: MOST_BYTES,
        answer: z.union([TAKEN_OBJECT, z.object({ object: z.literal('list'), data: z.array(TAKEN_OBJECT) })]),
      },
      async ({ context, body }) => {
        if (!('signals' in body)) {
          spend(context, 1);
          const signal = withKey(
            context,
            readable(() => readSignal(body)),
          );
          const [taken] = await kept().take([signal], { sender: senderOf(context) });
          idOf(taken!);
          return takenObject(taken!);
        }
        const { signals } = checkBody(BATCH, body);
        spend(context, signals.length);
        return { object: 'list', data: await takeEach(signals, kept(), senderOf(context)) };
      },
    ),
    handled(
      {
        method: 'get',
        path: '/v1/preftune/feedback',
        policy: ['read'],
        summary:
          'What came, newest first; by kind, model, user, inference_id, episode_id, since, until (seconds), current',
        query: FILTER,
        answer: listSchema(SIGNAL_OBJECT),
      },
      async ({ query: { after, limit, order, ...filter } }) => {
        const { items, hasMore } = await kept().list(
          {
            kind: filter.kind,
            model: filter.model,
            user: filter.user,
            ...(filter.user_hash !== undefined && { userHash: filter.user_hash }),
            inferenceId: filter.inference_id,
            episodeId: filter.episode_id,
            since: filter.since === undefined ? undefined : filter.since * 1000,
            until: filter.until === undefined ? undefined : filter.until * 1000,
            isCurrent: filter.current === undefined ? undefined : filter.current === 'true',
          },
          { after, limit, order },
        );
        return listOf(items.map(signalObject) as Unchanging<z.output<typeof SIGNAL_OBJECT>>[], hasMore);
      },
    ),
  ];
}

function senderOf(context: Context): SignalSender {
  const { keyId, isPageKey } = context.get('caller');
  return { keyId, isPage: isPageKey === true };
}

/** The header that stands for `idempotency_key` of a single signal. */
function withKey(context: Context, signal: Signal): Signal {
  const header = context.req.header('idempotency-key');
  if (header === undefined || header === '' || signal.idempotencyKey !== undefined) return signal;
  if (header.length > 200)
    throw new ServeError(400, 'idempotency-key: must have at most 200 characters', { param: 'idempotency_key' });
  return { ...signal, idempotencyKey: header };
}

/** What reads a signal, with the field to blame. */
function readable(read: () => Signal): Signal {
  try {
    return read();
  } catch (thrown) {
    throw asFieldError(thrown);
  }
}

/** Throws what is no bad input again. */
function asFieldError(thrown: unknown): ServeError {
  const problems = badInputProblems(thrown);
  return new ServeError(400, problems.map(({ message }) => message).join('; '), {
    code: 'invalid_value',
    param: problems[0]?.path ?? 'body',
  });
}

async function takeEach(signals: readonly unknown[], feedback: Feedback, sender: SignalSender): Promise<TakenObject[]> {
  const read = signals.map((one): Signal | ServeError => {
    try {
      return readSignal(one);
    } catch (thrown) {
      return asFieldError(thrown);
    }
  });
  const good = read.filter((one): one is Signal => !(one instanceof ServeError));
  const taken = [...(await feedback.take(good, { sender }))];
  return read.map((one) => (one instanceof ServeError ? refusedObject(one) : takenObject(taken.shift()!)));
}

function takenObject(taken: Taken): TakenObject {
  if (taken.status === 'refused') return refusedObject(errorOf(taken));
  return {
    object: 'preftune.feedback.taken',
    status: taken.status,
    id: taken.id,
    warnings: taken.status === 'accepted' ? [...(taken.warnings ?? [])] : [],
    error: null,
  };
}

function refusedObject({ message, type, param, code, status }: ServeError): TakenObject {
  return {
    object: 'preftune.feedback.taken',
    status: 'refused',
    id: null,
    warnings: [],
    error: { message, type, param, code, status },
  };
}

function idOf(taken: Taken): string {
  if (taken.status !== 'refused') return taken.id;
  throw errorOf(taken);
}

function errorOf({ code, field, message }: Extract<Taken, { readonly status: 'refused' }>): ServeError {
  // The same again would come to the same: clients repeat 409 where nothing is said.
  return new ServeError(STATUSES[code], message, { code, param: field, shouldRetry: false });
}
