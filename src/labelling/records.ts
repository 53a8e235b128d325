import { z } from 'zod';
import type { Content } from '../data/index.ts';
import type { CampaignSettings, Flag } from './settings.ts';

/** open: votes are asked for. settled: it has enough. disputed: enough, and they disagree. held: flagged, or skipped by many. adjudicated: somebody has decided. */
export const ITEM_STATUSES = ['open', 'settled', 'disputed', 'held', 'adjudicated', 'removed', 'waiting'] as const;
export type ItemStatus = (typeof ITEM_STATUSES)[number];

export const VERDICTS = ['better', 'tie', 'both_bad', 'skip'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Campaign {
  /** `camp_...` */
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly isOpen: boolean;
  readonly seed: number;
  readonly settings: CampaignSettings;
  readonly guidelineVersion: number;
}

export interface Answer {
  /** `ans_...`: says nothing of where the answer comes from. */
  readonly id: string;
  /** Undefined while it is still to be drawn. */
  readonly content: Content | undefined;
  readonly model: string | undefined;
  /** Characters. */
  readonly length: number;
}

export interface Item {
  readonly id: string;
  readonly campaignId: string;
  readonly status: ItemStatus;
  readonly votes: number;
  readonly wanted: number;
  readonly prompt: Content;
  readonly answers: readonly [Answer, Answer];
  /** The id of the answer that is known to be better, tie or both_bad. */
  readonly gold: string | undefined;
  readonly source: Readonly<Record<string, unknown>>;
  readonly extra: Readonly<Record<string, unknown>> | undefined;
  readonly createdAt: number;
  /** When somebody looked at its flags and skips and gave it out again. */
  readonly reviewedAt: number | undefined;
}

export interface Reservation {
  readonly id: string;
  readonly itemId: string;
  readonly campaignId: string;
  readonly annotator: string;
  readonly leftId: string;
  readonly isRepeat: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Seconds of work that heartbeats have told. */
  readonly seconds: number;
}

/** What somebody chose, by ids of answers. */
export interface Ballot {
  readonly verdict: Verdict;
  /** The better answer, where the verdict is `better`, and by how much: 1 slightly, 2 much. */
  readonly betterId?: string | undefined;
  readonly strength?: 1 | 2 | undefined;
  readonly edit?: { readonly answerId: string; readonly text: string } | undefined;
  readonly note?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly flags?: readonly Flag[] | undefined;
  readonly skipReason?: string | undefined;
  /** Seconds of work, without the time in which nothing was done. */
  readonly seconds?: number | undefined;
}

export interface VoteRecord extends Ballot {
  readonly id: string;
  readonly seq: number;
  readonly reservationId: string | undefined;
  readonly itemId: string;
  readonly campaignId: string;
  /** HMAC of a person's name; the name of a judge. */
  readonly annotator: string;
  readonly source: 'person' | 'judge' | 'adjudicator';
  readonly createdAt: number;
  readonly undoneAt: number | undefined;
  readonly isCounted: boolean;
  readonly isRepeat: boolean;
  readonly leftId: string | undefined;
  readonly confidence: number | undefined;
  readonly tags: readonly string[];
  readonly flags: readonly Flag[];
  readonly guidelineVersion: number | undefined;
}

const text = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined);
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? undefined);
const truth = z.int().transform((value) => value === 1);
const json = z.string().transform((value) => JSON.parse(value) as unknown);
const optionalJson = z
  .string()
  .nullable()
  .transform((value) => (value === null ? undefined : (JSON.parse(value) as unknown)));

export const CAMPAIGN_ROW = z
  .object({
    id: z.string(),
    name: z.string(),
    created_at: z.int(),
    is_open: truth,
    seed: z.int(),
    settings: json,
    guideline_version: z.int(),
  })
  .transform((row): Campaign => ({
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    isOpen: row.is_open,
    seed: row.seed,
    settings: row.settings as CampaignSettings,
    guidelineVersion: row.guideline_version,
  }));

export const ITEM_ROW = z
  .object({
    id: z.string(),
    campaign_id: z.string(),
    created_at: z.int(),
    status: z.enum(ITEM_STATUSES),
    votes: z.int(),
    wanted: z.int(),
    prompt: json,
    first_id: z.string(),
    first: optionalJson,
    first_model: text,
    first_length: z.int(),
    second_id: z.string(),
    second: optionalJson,
    second_model: text,
    second_length: z.int(),
    gold: text,
    source: json,
    extra: optionalJson,
    reviewed_at: number,
  })
  .transform((row): Item => ({
    id: row.id,
    campaignId: row.campaign_id,
    createdAt: row.created_at,
    status: row.status,
    votes: row.votes,
    wanted: row.wanted,
    reviewedAt: row.reviewed_at,
    prompt: row.prompt as Content,
    answers: [
      {
        id: row.first_id,
        content: row.first as Content | undefined,
        model: row.first_model,
        length: row.first_length,
      },
      {
        id: row.second_id,
        content: row.second as Content | undefined,
        model: row.second_model,
        length: row.second_length,
      },
    ],
    gold: row.gold,
    source: row.source as Readonly<Record<string, unknown>>,
    extra: row.extra as Readonly<Record<string, unknown>> | undefined,
  }));

export const RESERVATION_ROW = z
  .object({
    id: z.string(),
    item_id: z.string(),
    campaign_id: z.string(),
    annotator: z.string(),
    left_id: z.string(),
    is_repeat: truth,
    created_at: z.int(),
    expires_at: z.int(),
    seconds: z.number(),
  })
  .transform((row): Reservation => ({
    id: row.id,
    itemId: row.item_id,
    campaignId: row.campaign_id,
    annotator: row.annotator,
    leftId: row.left_id,
    isRepeat: row.is_repeat,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    seconds: row.seconds,
  }));

export const VOTE_ROW = z
  .object({
    id: z.string(),
    seq: z.int(),
    reservation_id: text,
    campaign_id: z.string(),
    item_id: z.string(),
    annotator: z.string(),
    source: z.enum(['person', 'judge', 'adjudicator']),
    created_at: z.int(),
    undone_at: number,
    is_counted: truth,
    is_repeat: truth,
    verdict: z.enum(VERDICTS),
    better_id: text,
    strength: number,
    left_id: text,
    confidence: number,
    edited_id: text,
    edited_text: text,
    note: text,
    tags: json,
    flags: json,
    skip_reason: text,
    seconds: number,
    guideline_version: number,
  })
  .transform((row): VoteRecord => ({
    id: row.id,
    seq: row.seq,
    reservationId: row.reservation_id,
    campaignId: row.campaign_id,
    itemId: row.item_id,
    annotator: row.annotator,
    source: row.source,
    createdAt: row.created_at,
    undoneAt: row.undone_at,
    isCounted: row.is_counted,
    isRepeat: row.is_repeat,
    verdict: row.verdict,
    betterId: row.better_id,
    strength: row.strength as 1 | 2 | undefined,
    leftId: row.left_id,
    confidence: row.confidence,
    edit:
      row.edited_id === undefined || row.edited_text === undefined
        ? undefined
        : { answerId: row.edited_id, text: row.edited_text },
    note: row.note,
    tags: row.tags as readonly string[],
    flags: row.flags as readonly Flag[],
    skipReason: row.skip_reason,
    seconds: row.seconds,
    guidelineVersion: row.guideline_version,
  }));
