import { z } from 'zod';

/** What may be shown of an item after the vote. */
export const SHOWN_AFTER_VOTE = ['models', 'judges', 'gold'] as const;
export type ShownAfterVote = (typeof SHOWN_AFTER_VOTE)[number];

export const FLAGS = ['pii', 'unsafe', 'broken'] as const;
export type Flag = (typeof FLAGS)[number];

const DEFAULT_TAGS = ['wrong', 'incomplete', 'off topic', 'too long', 'too short', 'unclear', 'tone', 'format'];

const share = z.number().min(0).max(0.5);

/** What decides how a campaign asks. */
export const CAMPAIGN_SETTINGS = z.strictObject({
  /** fixed: so many people see each item. adaptive: until one outcome has the posterior probability `confidence`, and at most `most`. */
  overlap: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('fixed'), votes: z.int().min(1).max(20) }),
      z.strictObject({
        kind: z.literal('adaptive'),
        most: z.int().min(1).max(20).default(5),
        confidence: z.number().gt(0.5).lt(1).default(0.9),
        /** How often a person is taken to be right. */
        accuracy: z.number().gt(0.4).lt(1).default(0.8),
      }),
    ])
    .default({ kind: 'fixed', votes: 1 }),
  /** Share of items whose answer is known, and of those that a person is asked a second time. */
  gold_share: share.default(0.05),
  repeat_share: share.default(0.02),
  /** Minutes for which an item is somebody's; heartbeats prolong them. */
  reserve_minutes: z.number().min(1).max(240).default(10),
  shown_after_vote: z.array(z.enum(SHOWN_AFTER_VOTE)).default([]),
  /** So many people skip an item before it waits for somebody who decides. */
  most_skips: z.int().min(1).max(20).default(3),
  order: z.enum(['random', 'given']).default('random'),
  tags: z.array(z.string().trim().min(1).max(50)).max(30).default(DEFAULT_TAGS),
});
export type CampaignSettings = z.output<typeof CAMPAIGN_SETTINGS>;
