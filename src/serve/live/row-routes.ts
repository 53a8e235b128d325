import type { Context } from 'hono';
import { z } from 'zod';
import { listSchema, pageQuery, type Unchanging } from '../../api/index.ts';
import {
  FEEDBACK_ROW_KINDS,
  ROW_STATES,
  rowObject,
  WEAK_KINDS,
  type BuildReport,
  type Feedback,
} from '../../feedback/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';

const MOST_BYTES = 64 * 2 ** 10;

const ROW_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('preftune.row'),
    created_at: z.number(),
    kind: z.enum(FEEDBACK_ROW_KINDS),
    source: z.string(),
    prompt_hash: z.string(),
    content: z.record(z.string(), z.unknown()).meta({ description: 'The record, as dpo and sft read it' }),
    state: z.enum(ROW_STATES),
    reasons: z.array(z.string()).meta({ description: 'Why it should be looked at' }),
    is_current: z.boolean(),
    reviewed_at: z.number().nullable(),
    reviewer: z.string().nullable(),
    note: z.string().nullable(),
  })
  .meta({ id: 'FeedbackRow' });
type RowObject = Unchanging<z.output<typeof ROW_OBJECT>>;

const LINEAGE = z.object({
  signals: z.array(z.string()),
  inferences: z.array(z.string()),
  users: z.array(z.string()).meta({ description: 'HMACs' }),
  versions: z.array(z.string()),
});

const count = z.int().min(1).max(1_000_000).optional();
const BUILD_BODY = z
  .strictObject({
    max_per_user: count,
    max_per_prompt: count,
    quorum: count,
    max_age: z.int().min(0).max(1000).optional(),
    require_consent: z.boolean().optional(),
    min_margin: z.number().min(0).max(100).optional(),
    weak: z.partialRecord(z.enum(WEAK_KINDS), z.number().gt(0).max(1)).optional(),
  })
  .meta({ id: 'BuildRows' });

const BUILD_OBJECT = z
  .object({
    object: z.literal('preftune.rows.build'),
    signals: z.int(),
    rows: z.object({ pair: z.int(), single: z.int(), completion: z.int() }),
    dropped: z.record(z.string(), z.int()).meta({ description: 'What became no row, by reason' }),
    quarantined: z.record(z.string(), z.int()),
    waiting: z.int(),
    people: z.int(),
    largest_person_share: z.number(),
  })
  .meta({ id: 'RowsBuild' });

/** Rows that were made of feedback: made anew, listed, traced to what they came from, approved and rejected. */
export function rowRoutes({ feedback }: ServeServices): HandledRoute[] {
  const kept = (): Feedback => {
    if (feedback !== undefined) return feedback;
    throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
  };
  return [
    handled(
      {
        method: 'post',
        path: '/v1/preftune/rows/build',
        policy: ['train'],
        summary: 'Makes rows of all feedback that stands, and says what became none and why',
        body: BUILD_BODY,
        maxBodyBytes: MOST_BYTES,
        answer: BUILD_OBJECT,
      },
      async ({ body }) =>
        buildObject(
          await kept().rows.build({
            maxPerUser: body.max_per_user,
            maxPerPrompt: body.max_per_prompt,
            quorum: body.quorum,
            maxAge: body.max_age,
            requiresConsent: body.require_consent,
            minMargin: body.min_margin,
            weak: body.weak as Readonly<Record<string, number>> | undefined,
          }),
        ),
    ),
    handled(
      {
        method: 'get',
        path: '/v1/preftune/rows',
        policy: ['read'],
        summary: 'Rows of the last build, newest first; by kind and state; current=false: those it did not make again',
        query: pageQuery({ order: 'desc' }).extend({
          kind: z.enum(FEEDBACK_ROW_KINDS).optional(),
          state: z.enum(ROW_STATES).optional(),
          current: z.enum(['true', 'false']).default('true'),
        }),
        answer: listSchema(ROW_OBJECT),
      },
      async ({ query: { after, limit, order, kind, state, current } }) => {
        const { items, hasMore } = await kept().rows.list(
          { kind, state, isCurrent: current === 'true' },
          { after, limit, order },
        );
        return listOf(items.map(rowObject) as RowObject[], hasMore);
      },
    ),
    handled(
      {
        method: 'get',
        path: '/v1/preftune/rows/{id}',
        policy: ['read'],
        summary: 'A row with all that it came from',
        answer: ROW_OBJECT.extend({ lineage: LINEAGE }),
      },
      async ({ params: { id } }) => {
        const row = await kept().rows.get(id);
        if (row === undefined) throw missing(id);
        return { ...(rowObject(row) as RowObject), lineage: row.lineage };
      },
    ),
    handled(
      {
        method: 'post',
        path: '/v1/preftune/rows/{id}/review',
        policy: ['train'],
        summary: 'Approves or rejects a row, noted in the audit log',
        body: z
          .strictObject({ verdict: z.enum(['approved', 'rejected']), note: z.string().min(1).max(1000).optional() })
          .meta({ id: 'ReviewRow' }),
        maxBodyBytes: MOST_BYTES,
        answer: ROW_OBJECT,
      },
      async ({ context, params: { id }, body: { verdict, note } }) => {
        const gone = await kept().rows.review([id], { verdict, note, actor: actorOf(context) });
        const row = gone.length > 0 ? undefined : await kept().rows.get(id);
        if (row === undefined) throw missing(id);
        const { lineage: _, ...told } = row;
        return rowObject(told) as RowObject;
      },
    ),
  ];
}

function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}

function buildObject({ largestPersonShare, ...report }: BuildReport): z.output<typeof BUILD_OBJECT> {
  return {
    object: 'preftune.rows.build',
    ...report,
    dropped: { ...report.dropped } as Record<string, number>,
    quarantined: { ...report.quarantined } as Record<string, number>,
    largest_person_share: largestPersonShare,
  };
}

function missing(id: string): ServeError {
  return new ServeError(404, `There is no row ${JSON.stringify(id.slice(0, 100))} here`, {
    code: 'not_found',
    param: 'id',
  });
}
