import { z } from 'zod';
import { count, type JsonValue } from '../core/index.ts';
import type { Content } from '../data/index.ts';
import type { Feedback } from './open-feedback.ts';
import type { FeedbackRowOptions } from './rows/row-options.ts';
import { FEEDBACK_ROW_KINDS, ROW_STATES } from './rows/row-store.ts';
import { SIGNAL_KINDS } from './signals/signal-schema.ts';

const page = {
  after: z.string().optional(),
  limit: z.int().min(1).max(200),
  order: z.enum(['asc', 'desc']),
};

/** What a command asks of the feedback of a store, be it in its own process or in the server that has the store. */
export const FEEDBACK_REQUEST = z.discriminatedUnion('act', [
  z.object({
    act: z.literal('list'),
    kind: z.enum(SIGNAL_KINDS).optional(),
    model: z.string().optional(),
    user: z.string().optional(),
    inferenceId: z.string().optional(),
    since: z.number().optional(),
    isCurrent: z.boolean().optional(),
    ...page,
  }),
  z.object({ act: z.literal('holdOut'), prompts: z.array(z.json()), reason: z.string() }),
  z.object({ act: z.literal('build'), options: z.record(z.string(), z.json()) }),
  z.object({
    act: z.literal('rows'),
    kind: z.enum(FEEDBACK_ROW_KINDS).optional(),
    state: z.enum(ROW_STATES).optional(),
    ...page,
  }),
  z.object({
    act: z.literal('review'),
    ids: z.array(z.string()),
    verdict: z.enum(['approved', 'rejected']),
    actor: z.string(),
    note: z.string().optional(),
  }),
]);
export type FeedbackRequest = z.output<typeof FEEDBACK_REQUEST>;

/** Does it. Throws bad-input as the room does. */
export async function answerFeedbackRequest(feedback: Feedback, request: FeedbackRequest): Promise<JsonValue> {
  switch (request.act) {
    case 'list': {
      const { act: _, after, limit, order, ...filter } = request;
      return json(await feedback.list(filter, { after, limit, order }));
    }
    case 'holdOut':
      return await feedback.holdOut(request.prompts as unknown as readonly Content[], request.reason);
    case 'build':
      return json(await feedback.rows.build(request.options as FeedbackRowOptions));
    case 'rows': {
      const { act: _, after, limit, order, ...filter } = request;
      return json(await feedback.rows.list({ ...filter, isCurrent: true }, { after, limit, order }));
    }
    case 'review':
      return [...(await feedback.rows.review(request.ids, request))];
  }
}

function json(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

const WORDS: Readonly<Record<string, string>> = {
  taken_back: 'were taken back',
  comment_only: 'are comments, which say nothing of which answer is better',
  weak_off: 'are weak signals, which count only where a weight is given',
  unconfirmed: 'asked for another answer, which nobody found good',
  answer_gone: 'are of answers older than the retention',
  text_gone: 'are of answers whose texts are not kept (serve --log text), or not any more',
  not_text: 'are of answers that are no text',
  not_finished: 'are of answers that did not come to their end',
  no_consent: 'are without consent to train',
  too_old: 'are of versions too long ago',
  held_out: 'are of prompts that are held out',
  other_prompt: 'compare answers to different prompts',
  quorum: 'came from pages for nobody known, and too few said the same',
  same_unit: 'came from pages, from where the same was said before',
  small_edit: 'are edits of less than 2 %',
  tie: 'are ties',
  below_margin: 'are ratings too close to each other',
  one_answer: 'are ratings of prompts with one answer',
  identical_answers: 'are of answers that are the same text',
  undecided: 'say one thing as often as the other',
  user_cap: 'go beyond the share of one person',
  prompt_cap: 'go beyond the share of one prompt',
  erased_meanwhile: 'were erased meanwhile',
};
const QUARANTINE_WORDS: Readonly<Record<string, string>> = {
  dictates_answer: 'have prompts that dictate their answer',
  burst: 'come from somebody who said very much in a minute',
  personal_data: 'hold what looks like personal data',
  near_duplicate: 'have nearly the answer of another prompt',
};

/** Lines for people: why what was said became no row, and why rows wait; the most first. */
export function dropLines(counts: Readonly<Partial<Record<string, number>>>): string[] {
  return (Object.entries(counts) as [string, number][])
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, number]) => `${WORDS[reason] ?? QUARANTINE_WORDS[reason] ?? reason}: ${count(number)}`);
}
