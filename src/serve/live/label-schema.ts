import { z } from '@hono/zod-openapi';
import { CAMPAIGN_SETTINGS, FLAGS, ITEM_STATUSES, LABEL_EXPORTS, VERDICTS } from '../../labelling/index.ts';

const time = z.int().describe('seconds since 1970');
const ANNOTATOR = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .optional()
  .describe('whose votes these are, where a key asks and no session does');

export const MESSAGE = z.object({ role: z.string(), content: z.string() });

export const PROGRESS = z
  .object({
    items: z.int(),
    done: z.int(),
    by_status: z.partialRecord(z.enum(ITEM_STATUSES), z.int()),
    votes: z.int(),
    wanted: z.int().describe('votes that are still wanted; for adaptive overlap the fewest'),
    hours_left: z.number().nullable().describe('of one person, at the median time of a vote'),
  })
  .openapi('LabelProgress');

export const CAMPAIGN = z
  .object({
    id: z.string(),
    object: z.literal('preftune.campaign'),
    name: z.string(),
    created_at: time,
    is_open: z.boolean(),
    settings: CAMPAIGN_SETTINGS,
    guideline_version: z.int(),
    progress: PROGRESS,
    mine: z.object({ votes: z.int(), skips: z.int() }).nullable().describe('of who asks, where it is known'),
  })
  .openapi('Campaign');

export const GUIDELINES = z
  .object({
    object: z.literal('preftune.guidelines'),
    version: z.int(),
    text: z.string().describe('Markdown'),
    created_at: time,
    versions: z.array(z.object({ version: z.int(), created_at: time })),
  })
  .openapi('Guidelines');

const SIDE = z.object({ id: z.string().describe('ans_..., what a vote names'), text: z.string() });

/** What a vote said, as it was sent: to begin from after it was taken back. */
export const BALLOT = z
  .object({
    verdict: z.enum(VERDICTS),
    better: z.string().nullable(),
    strength: z.enum(['slightly', 'much']).nullable(),
    edit: z.object({ answer: z.string(), text: z.string() }).nullable(),
    note: z.string().nullable(),
    tags: z.array(z.string()),
    flags: z.array(z.enum(FLAGS)),
    reason: z.string().nullable(),
  })
  .openapi('Ballot');

export const ITEM = z
  .object({
    item: z.string(),
    reservation: z.string(),
    prompt: z.array(MESSAGE),
    left: SIDE,
    right: SIDE,
    expires_at: time,
    /** Seconds of work so far, where the item was on the screen before. */
    seconds: z.number(),
    guideline_version: z.int(),
    previous: BALLOT.nullable(),
  })
  .openapi('LabelItem');

export const NEXT_BODY = z
  .strictObject({ count: z.int().min(1).max(2).default(1), annotator: ANNOTATOR })
  .openapi('NextItems');
export const NEXT = z
  .object({
    object: z.literal('preftune.next'),
    items: z.array(ITEM),
    nothing: z.enum(['closed', 'nothing_for_you', 'all_done']).nullable().describe('why there are fewer items'),
    progress: PROGRESS,
    mine: z.object({ votes: z.int(), skips: z.int() }),
  })
  .openapi('Next');

const BALLOT_SHAPE = {
  verdict: z.enum(VERDICTS),
  better: z.string().max(100).optional().describe('the id of the better answer, where the verdict is better'),
  strength: z.enum(['slightly', 'much']).optional(),
  edit: z.strictObject({ answer: z.string().max(100), text: z.string() }).optional(),
  note: z.string().max(10_000).optional(),
  tags: z.array(z.string().trim().min(1).max(50)).max(30).optional(),
  flags: z.array(z.enum(FLAGS)).optional(),
  reason: z.string().max(200).optional().describe('why the item is skipped'),
  seconds: z.number().min(0).max(86_400).optional().describe('of work, without pauses of more than a minute'),
};

export const VOTE_BODY = z
  .strictObject({
    campaign: z.string().max(100),
    item: z.string().max(100),
    reservation: z.string().max(100).optional(),
    ...BALLOT_SHAPE,
    annotator: ANNOTATOR,
  })
  .openapi('Vote');
export const VOTE = z
  .object({
    object: z.literal('preftune.vote'),
    id: z.string(),
    item: z.string(),
    /** False: kept beside the others; `message` says why. */
    is_counted: z.boolean(),
    /** The same vote had come before. */
    is_repeated: z.boolean(),
    message: z.string().nullable(),
    /** What the campaign shows after the vote. */
    shown: z
      .object({
        models: z.object({ left: z.string().nullable(), right: z.string().nullable() }).optional(),
        judges: z.array(z.object({ judge: z.string(), ballot: BALLOT })).optional(),
        gold: z.object({ better: z.string(), is_right: z.boolean() }).optional(),
      })
      .nullable(),
    mine: z.object({ votes: z.int(), skips: z.int() }),
  })
  .openapi('VoteKept');

export const UNDO_BODY = z
  .strictObject({ campaign: z.string().max(100), vote: z.string().max(100).optional(), annotator: ANNOTATOR })
  .openapi('UndoVote');
export const UNDONE = z
  .object({ object: z.literal('preftune.undone'), vote: z.string(), item: ITEM })
  .openapi('UndoneVote');

export const HEARTBEAT_BODY = z
  .strictObject({
    reservations: z
      .array(z.strictObject({ id: z.string().max(100), seconds: z.number().min(0).max(86_400).optional() }))
      .max(4),
    release: z.array(z.string().max(100)).max(4).default([]).describe('reservations to give back'),
    annotator: ANNOTATOR,
  })
  .openapi('Heartbeat');
export const HEARTBEAT = z
  .object({
    object: z.literal('preftune.heartbeat'),
    reservations: z.array(z.object({ id: z.string(), expires_at: time })).describe('those that still hold'),
  })
  .openapi('HeartbeatKept');

const ROWS = z.array(z.record(z.string(), z.unknown())).max(10_000);

/** Where items come from: records in any format of preference data; prompts that two models are to answer; answers that were logged. */
const FROM = {
  rows: ROWS.optional().describe('records in a format that preftune data check reads'),
  prompts: z
    .array(z.union([z.string().min(1), z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1)]))
    .max(10_000)
    .optional(),
  models: z
    .tuple([z.string().max(256), z.string().max(256)])
    .optional()
    .describe('the two that answer the prompts'),
  logged: z
    .strictObject({ model: z.string().max(256).optional(), most: z.int().min(1).max(1000).default(200) })
    .optional()
    .describe('logged requests; the answers that they had, beside those of `models[0]`'),
};
export const CREATE_BODY = z
  .strictObject({
    name: z.string().trim().min(1).max(200),
    guidelines: z.string().min(1).max(100_000).optional(),
    settings: CAMPAIGN_SETTINGS.prefault({}),
    ...FROM,
  })
  .openapi('CreateCampaign');
export const ITEMS_BODY = z.strictObject(FROM).openapi('AddLabelItems');
export const ADDED = z
  .object({
    object: z.literal('preftune.added'),
    added: z.int(),
    known: z.int().describe('that were there already'),
    equal: z.int().describe('left out, since both answers say the same'),
  })
  .openapi('AddedItems');
export const CHANGE_BODY = z
  .strictObject({ is_open: z.boolean().optional(), guidelines: z.string().min(1).max(100_000).optional() })
  .openapi('ChangeCampaign');

export const FIGURE = z
  .object({
    estimate: z.number().nullable(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    of: z.int().describe('votes, or items, that it rests on'),
  })
  .openapi('Figure');
const PERSON = z.object({
  annotator: z.string().describe('the beginning of the HMAC of the name'),
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
    people: z.array(PERSON),
    judges: z.array(z.object({ judge: z.string(), agreement: FIGURE })),
  })
  .openapi('LabelPanel');

const SAID = BALLOT.extend({
  id: z.string(),
  annotator: z.string(),
  source: z.enum(['person', 'judge', 'adjudicator']),
  is_counted: z.boolean(),
  created_at: time,
});
/** An item with all that was said of it, for who looks after the campaign. */
export const REVIEW = z
  .object({
    id: z.string(),
    object: z.literal('preftune.label_item'),
    status: z.enum(ITEM_STATUSES),
    prompt: z.array(MESSAGE),
    answers: z.array(z.object({ id: z.string(), text: z.string(), model: z.string().nullable() })),
    gold: z.string().nullable(),
    votes: z.array(SAID),
  })
  .openapi('ReviewItem');
export const ADJUDICATE_BODY = z
  .union([
    z.strictObject({ item: z.string().max(100), do: z.enum(['reopen', 'remove']) }),
    z.strictObject({ item: z.string().max(100), do: z.literal('decide'), ...BALLOT_SHAPE }),
  ])
  .openapi('Adjudicate');
export const JUDGE_BODY = z
  .strictObject({
    judge: z.string().min(1).max(200),
    verdicts: z
      .array(
        z.strictObject({
          item: z.string().max(100),
          verdict: z.enum(['better', 'tie', 'both_bad']),
          better: z.string().max(100).optional(),
          strength: z.enum(['slightly', 'much']).optional(),
          confidence: z.number().min(0).max(1).optional(),
          note: z.string().max(10_000).optional(),
        }),
      )
      .min(1)
      .max(1000),
  })
  .openapi('JudgeVerdicts');
export const EXPORT_QUERY = z.object({
  format: z.enum(LABEL_EXPORTS).default('votes'),
  labels: z.enum(['hard', 'weighted', 'soft']).optional(),
  min_votes: z.coerce.number().int().min(1).optional(),
  min_agreement: z.coerce.number().gt(0.5).max(1).optional(),
});
