import { z } from 'zod';
import { listSchema, pageQuery } from '../../api/index.ts';
import { CAMPAIGN_SETTINGS, FLAGS, ITEM_STATUSES, LABEL_EXPORTS, VERDICTS } from '../../labelling/index.ts';

/** Schemas of the routes of labelling. Times are seconds since 1970. */
const time = z.int();
const id = z.string().max(100);
const ANNOTATOR = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .optional()
  .describe('whose votes these are, where a key asks and no session of the page does');

/** A text, or the turns of a conversation. */
const CONTENT = z.union([z.string(), z.array(z.looseObject({ role: z.string(), content: z.string() }))]);

export const GUIDELINES = z.object({ version: z.int(), text: z.string().describe('Markdown') });

export const PROGRESS = z
  .object({
    items: z.int().describe('without those whose answer is known'),
    done: z.int(),
    by_status: z.partialRecord(z.enum(ITEM_STATUSES), z.int()),
    votes: z.int(),
    wanted: z.int().describe('votes that are still wanted; for adaptive overlap the fewest'),
    hours_left: z.number().nullable().describe('of one person, at the median time of a vote'),
  })
  .meta({ id: 'LabelProgress' });

export const CAMPAIGN = z
  .object({
    id: z.string(),
    object: z.literal('preftune.campaign'),
    name: z.string(),
    created_at: time,
    is_open: z.boolean(),
    items: z.int(),
    done: z.int(),
    votes: z.int(),
    guidelines: GUIDELINES,
    settings: CAMPAIGN_SETTINGS,
    progress: PROGRESS,
    done_by_you: z.int().nullable().describe('votes and skips of who asks, where it is known who that is'),
  })
  .meta({ id: 'Campaign' });
export const CAMPAIGNS = listSchema(CAMPAIGN);

const SIDE = z.object({ id: z.string().describe('what a vote names'), content: CONTENT });

/** What a vote said, as it was sent. */
export const BALLOT = z
  .object({
    verdict: z.enum(VERDICTS),
    better_id: z.string().nullable(),
    strength: z.union([z.literal(1), z.literal(2)]).nullable(),
    edit: z.object({ answer_id: z.string(), text: z.string() }).nullable(),
    note: z.string().nullable(),
    tags: z.array(z.string()),
    flags: z.array(z.enum(FLAGS)),
    skip_reason: z.string().nullable(),
  })
  .meta({ id: 'Ballot' });

/** An item that is somebody's for a while. Nothing in it says where an answer comes from. */
export const ASSIGNMENT = z
  .object({
    item_id: z.string(),
    reservation_id: z.string(),
    prompt: CONTENT,
    left: SIDE,
    right: SIDE,
    expires_at: time,
    seconds: z.number().describe('of work so far, where it was on the screen before'),
    previous: BALLOT.nullable().describe('the vote that was taken back'),
  })
  .meta({ id: 'LabelAssignment' });

export const NEXT_BODY = z
  .strictObject({ count: z.int().min(1).max(2).default(1), annotator: ANNOTATOR })
  .meta({ id: 'NextItems' });
export const NEXT = z.object({
  object: z.literal('list'),
  data: z.array(ASSIGNMENT),
  nothing: z.enum(['closed', 'nothing_for_you', 'all_done']).nullable().describe('why there are fewer'),
  done_by_you: z.int(),
});

const BALLOT_SHAPE = {
  verdict: z.enum(VERDICTS),
  better_id: id.optional().describe('the better answer, where the verdict is better'),
  strength: z
    .union([z.literal(1), z.literal(2)])
    .optional()
    .describe('1: slightly, 2: much'),
  edit: z.strictObject({ answer_id: id, text: z.string() }).optional(),
  note: z.string().max(10_000).optional(),
  tags: z.array(z.string().trim().min(1).max(50)).max(30).optional(),
  flags: z.array(z.enum(FLAGS)).optional(),
  skip_reason: z.string().max(1000).optional(),
  seconds: z.number().min(0).optional().describe('of work, without pauses of more than a minute'),
};

export const VOTE_BODY = z
  .strictObject({ item_id: id, reservation_id: id.optional(), ...BALLOT_SHAPE, annotator: ANNOTATOR })
  .meta({ id: 'LabelVote' });
export const VOTE = z
  .object({
    object: z.literal('preftune.vote'),
    vote_id: z.string(),
    is_counted: z.boolean().describe('false: kept beside the others, and the message says why'),
    is_duplicate: z.boolean().describe('the same vote had come before'),
    message: z.string().nullable(),
    shown: z
      .object({
        models: z.object({ left: z.string().nullable(), right: z.string().nullable() }).nullable(),
        judges: z.array(BALLOT.extend({ judge: z.string() })),
        gold: z.object({ better: z.string(), is_right: z.boolean() }).nullable(),
      })
      .nullable()
      .describe('what the campaign shows after the vote'),
    done_by_you: z.int(),
  })
  .meta({ id: 'VoteKept' });

export const UNDO_BODY = z.strictObject({ vote_id: id.optional(), annotator: ANNOTATOR }).meta({ id: 'UndoVote' });

export const HEARTBEAT_BODY = z
  .strictObject({
    reservations: z
      .array(z.strictObject({ id, seconds: z.number().min(0).optional() }))
      .max(4)
      .default([]),
    release: z.array(id).max(4).default([]).describe('reservations to give back'),
    annotator: ANNOTATOR,
  })
  .meta({ id: 'LabelHeartbeat' });
export const HEARTBEAT = z.object({
  object: z.literal('preftune.heartbeat'),
  reservations: z.array(z.object({ id: z.string(), expires_at: time })).describe('those that still hold'),
});

/** Where items come from. */
const FROM = {
  rows: z
    .array(z.record(z.string(), z.unknown()))
    .max(10_000)
    .optional()
    .describe('records of any format with two answers or more'),
};
export const CREATE_BODY = z
  .strictObject({
    name: z.string().trim().min(1).max(200),
    guidelines: z.string().min(1).max(100_000).optional(),
    settings: CAMPAIGN_SETTINGS.prefault({}),
    ...FROM,
  })
  .meta({ id: 'CreateCampaign' });
export const ITEMS_BODY = z.strictObject(FROM).meta({ id: 'AddLabelItems' });
export const ADDED = z.object({
  object: z.literal('preftune.added'),
  added: z.int(),
  known: z.int().describe('that were there already'),
  equal: z.int().describe('left out, since both answers say the same'),
});
export const CHANGE_BODY = z
  .strictObject({ is_open: z.boolean().optional(), guidelines: z.string().min(1).max(100_000).optional() })
  .meta({ id: 'ChangeCampaign' });
export const GUIDELINES_QUERY = z.strictObject({ version: z.coerce.number<number | string>().int().min(1).optional() });
export const GUIDELINES_OBJECT = GUIDELINES.extend({
  object: z.literal('preftune.guidelines'),
  created_at: time,
  versions: z.array(z.object({ version: z.int(), created_at: time })),
});

export const FIGURE = z
  .object({
    value: z.number().nullable(),
    interval: z.object({ low: z.number(), high: z.number() }).nullable().describe('95 %'),
    of: z.int().describe('votes, or items, that it rests on'),
  })
  .meta({ id: 'LabelFigure' });
const PERSON = z.object({
  id: z.string().describe('the beginning of the HMAC of the name'),
  is_you: z.boolean(),
  votes: z.int(),
  skips: z.int(),
  median_seconds: z.number().nullable(),
  gold_accuracy: FIGURE,
  self_agreement: FIGURE,
  left_share: FIGURE,
  longer_share: FIGURE,
});
export const PANEL = z
  .object({
    object: z.literal('preftune.panel'),
    progress: PROGRESS,
    alpha: FIGURE,
    alpha_of_grades: FIGURE,
    kappas: z.array(z.object({ a: z.string(), b: z.string(), kappa: FIGURE })),
    gold_accuracy: FIGURE,
    self_agreement: FIGURE,
    left_share: FIGURE,
    longer_share: FIGURE,
    median_seconds: z.number().nullable(),
    annotators: z.array(PERSON),
    judges: z.array(z.object({ judge: z.string(), agreement: FIGURE })),
  })
  .meta({ id: 'LabelPanel' });

/** An item with all that was said of it, for who looks after the campaign. */
export const REVIEW = z
  .object({
    id: z.string(),
    object: z.literal('preftune.label_item'),
    status: z.enum(ITEM_STATUSES),
    prompt: CONTENT,
    answers: z.array(z.object({ id: z.string(), content: CONTENT, model: z.string().nullable() })),
    gold: z.string().nullable(),
    votes: z.array(
      BALLOT.extend({
        id: z.string(),
        annotator: z.string(),
        source: z.enum(['person', 'judge', 'adjudicator']),
        is_counted: z.boolean(),
        created_at: time,
      }),
    ),
  })
  .meta({ id: 'ReviewItem' });
export const REVIEWS = listSchema(REVIEW);
export const REVIEW_QUERY = pageQuery().extend({
  status: z
    .string()
    .max(200)
    .optional()
    .describe(`some of ${ITEM_STATUSES.join(', ')}, with commas between`),
});
export const QUEUE_QUERY = pageQuery();

export const ADJUDICATE_BODY = z
  .strictObject({
    item_id: id,
    act: z.enum(['decide', 'reopen', 'remove']),
    ...BALLOT_SHAPE,
    verdict: z.enum(VERDICTS).optional(),
  })
  .meta({ id: 'Adjudicate' });
export const JUDGE_BODY = z
  .strictObject({
    judge: z.string().min(1).max(200),
    verdicts: z
      .array(
        z.strictObject({
          item_id: id,
          verdict: z.enum(['better', 'tie', 'both_bad']),
          better_id: id.optional(),
          strength: z.union([z.literal(1), z.literal(2)]).optional(),
          confidence: z.number().min(0).max(1).optional(),
          note: z.string().max(10_000).optional(),
        }),
      )
      .min(1)
      .max(1000),
  })
  .meta({ id: 'JudgeVerdicts' });
export const JUDGED = z.object({ object: z.literal('preftune.judge_votes'), kept: z.int() });
export const EXPORT_QUERY = z.strictObject({
  format: z.enum(LABEL_EXPORTS).default('votes'),
  labels: z.enum(['hard', 'weighted', 'soft']).optional(),
  min_votes: z.coerce.number<number | string>().int().min(1).optional(),
  min_agreement: z.coerce.number<number | string>().gt(0.5).max(1).optional(),
});
