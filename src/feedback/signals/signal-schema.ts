import { z } from 'zod';

/** What a signal looks like on the wire: `POST /v1/preftune/feedback`, and every file of signals. */

const MOST_TEXT = 32_000;

const name = z.string().min(1).max(200);
const choice = z.int().min(0).max(127).optional();

const TRUTH = z.union(
  [
    z.boolean(),
    z.literal([1, 0, -1]),
    z.enum(['true', 'false', 'up', 'down', 'good', 'bad', 'yes', 'no', '1', '0', '-1']),
  ],
  'must be true or false (or up, down, good, bad, 1, 0, -1)',
);
const NUMBER = z.union(
  [z.number(), z.string().regex(/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/)],
  'must be a number, or a text that is one',
);
const TEXT = z
  .string()
  .max(MOST_TEXT, `must have at most ${MOST_TEXT} characters`)
  .refine((text) => text.trim() !== '', 'must not be empty');

/** What every kind may have. */
const COMMON = {
  /** Who says it, as requests name users: kept as HMAC alone. */
  user: z.string().min(1).max(512).optional(),
  /** When it was said, by the clock of who sends it: milliseconds since 1970. The server's own decides. */
  at: z.number().min(-9e15).max(9e15).optional(),
  /** Sent twice with the same key, it is taken once. */
  idempotency_key: z.string().min(1).max(200).optional(),
  tags: z
    .record(z.string().min(1).max(64), z.string().max(512))
    .refine((tags) => Object.keys(tags).length <= 16, 'must have at most 16')
    .optional(),
};
const ANSWER = { inference_id: name, choice };
const ANSWER_OR_EPISODE = { inference_id: name.optional(), choice, episode_id: z.string().min(1).max(512).optional() };
const REFERENCE = z.strictObject(ANSWER);

export const SIGNAL_KINDS = [
  'thumb',
  'rating',
  'comment',
  'edit',
  'comparison',
  'regenerate',
  'copy',
  'accept',
  'outcome',
] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

export const COMPARISON_WORDS = ['a', 'b', 'tie', 'both_good', 'both_bad'] as const;
export type ComparisonWord = (typeof COMPARISON_WORDS)[number];

export const SIGNAL_SCHEMA = z.discriminatedUnion('kind', [
  /** null takes it back. */
  z.strictObject({
    kind: z.literal('thumb'),
    ...ANSWER_OR_EPISODE,
    value: TRUTH.nullable(),
    comment: TEXT.optional(),
    ...COMMON,
  }),
  z.strictObject({
    kind: z.literal('rating'),
    ...ANSWER_OR_EPISODE,
    value: NUMBER.nullable(),
    /** The ends of the scale; default 1 and 5. */
    min: z.number().optional(),
    max: z.number().optional(),
    comment: TEXT.optional(),
    ...COMMON,
  }),
  z.strictObject({ kind: z.literal('comment'), ...ANSWER_OR_EPISODE, value: TEXT, ...COMMON }),
  /** The answer as it should have been. */
  z.strictObject({ kind: z.literal('edit'), ...ANSWER, value: TEXT, ...COMMON }),
  z.strictObject({
    kind: z.literal('comparison'),
    a: REFERENCE,
    b: REFERENCE,
    value: z.enum(COMPARISON_WORDS).nullable(),
    /** 2: much better. */
    strength: z.literal([1, 2]).optional(),
    /** Which of them stood on the left. */
    left: z.enum(['a', 'b']).optional(),
    comment: TEXT.optional(),
    ...COMMON,
  }),
  /** Somebody asked for another answer; `kept` is the one that took its place. */
  z.strictObject({ kind: z.literal('regenerate'), ...ANSWER, kept: REFERENCE.optional(), ...COMMON }),
  z.strictObject({ kind: z.literal('copy'), ...ANSWER, ...COMMON }),
  /** A suggestion was taken over, or not. */
  z.strictObject({ kind: z.literal('accept'), ...ANSWER, value: TRUTH.nullable().optional(), ...COMMON }),
  /** How it went: a test that passed, a ticket that came again, a number. */
  z.strictObject({
    kind: z.literal('outcome'),
    ...ANSWER_OR_EPISODE,
    name: z.string().regex(/^[A-Za-z_][\w.:-]{0,63}$/, 'must be a name of at most 64 letters, digits and _ . : -'),
    value: z.union([TRUTH, NUMBER], 'must be true, false or a number'),
    ...COMMON,
  }),
]);

export type SignalInput = z.output<typeof SIGNAL_SCHEMA>;
