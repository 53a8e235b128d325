import { createLabelling, type Campaign, type Item, type VoteRecord } from '../../labelling/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { campaignRoutes } from './campaign-routes.ts';
import { createLabelContext, doneBy, type LabelContext } from './label-context.ts';
import { assignmentObject, ballotObject, ballotOfBody, seconds } from './label-objects.ts';
import { ASSIGNMENT, HEARTBEAT, HEARTBEAT_BODY, NEXT, NEXT_BODY, UNDO_BODY, VOTE, VOTE_BODY } from './label-schema.ts';

/** Labelling: what the label screen asks, and what looks after campaigns. */
export function labelRoutes({ ledger }: ServeServices): HandledRoute[] {
  let made: LabelContext | undefined;
  const kept = (): LabelContext => {
    if (ledger === undefined)
      throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
    return (made ??= createLabelContext(ledger, createLabelling(ledger.room)));
  };
  return [...campaignRoutes(kept), ...voteRoutes(kept)];
}

function voteRoutes(kept: () => LabelContext): HandledRoute[] {
  return [
    handled(
      {
        method: 'post',
        path: '/v1/preftune/campaigns/{id}/next',
        policy: ['label'],
        summary: 'The items that are next, and the same ones until they are voted on; two, to have one ready',
        body: NEXT_BODY,
        answer: NEXT,
      },
      async ({ context, params: { id }, body: { count, annotator: named } }) => {
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, named);
        const campaign = await find(id);
        const { assignments, nothing } = await labelling.queue.next(campaign, who, count);
        return {
          object: 'list' as const,
          data: assignments.map(assignmentObject),
          nothing: nothing ?? null,
          done_by_you: await doneBy(labelling, campaign, who),
        };
      },
    ),
    handled(
      {
        method: 'post',
        path: '/v1/preftune/campaigns/{id}/votes',
        policy: ['label'],
        summary: 'A vote on an item, answered when it is on the disk; the same one twice is one',
        body: VOTE_BODY,
        answer: VOTE,
      },
      async ({ context, params: { id }, body }) => {
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, body.annotator);
        const campaign = await find(id);
        const result = await labelling.queue.vote({
          ...ballotOfBody(body),
          campaign,
          itemId: body.item_id,
          reservationId: body.reservation_id,
          annotator: who,
        });
        if (result.kind === 'gone')
          throw new ServeError(410, 'The item is gone: it was erased, and what was said of it with it', {
            code: 'item_gone',
            param: 'item_id',
          });
        if (result.kind === 'other')
          throw new ServeError(409, 'You have voted on this item already, and otherwise; take that vote back first', {
            code: 'voted_already',
            param: 'item_id',
            shouldRetry: false,
          });
        const { vote, item } = result;
        return {
          object: 'preftune.vote' as const,
          vote_id: vote.id,
          is_counted: vote.isCounted || vote.isRepeat,
          is_duplicate: result.kind === 'again',
          message: result.kind === 'kept' && result.why !== undefined ? `Kept, and not counted: ${result.why}` : null,
          shown: await shownAfter(kept(), { campaign, item, vote }),
          done_by_you: await doneBy(labelling, campaign, who),
        };
      },
    ),
    handled(
      {
        method: 'post',
        path: '/v1/preftune/campaigns/{id}/votes/undo',
        policy: ['label'],
        summary: "Takes one of the caller's own last twenty votes back, by default the last, and gives its item again",
        body: UNDO_BODY,
        answer: ASSIGNMENT,
      },
      async ({ context, params: { id }, body: { vote_id: vote, annotator: named } }) => {
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, named);
        const undone = await labelling.queue.undo(await find(id), who, vote);
        if (undone !== undefined) return assignmentObject(undone);
        throw new ServeError(404, 'There is no vote of yours among the last twenty that could be taken back', {
          code: 'nothing_to_undo',
          shouldRetry: false,
        });
      },
    ),
    handled(
      {
        method: 'post',
        path: '/v1/preftune/campaigns/{id}/heartbeat',
        policy: ['label'],
        summary: "Prolongs what is on the screen; what is not in the answer is no longer the caller's",
        body: HEARTBEAT_BODY,
        answer: HEARTBEAT,
      },
      async ({ context, params: { id }, body }) => {
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, body.annotator);
        await find(id);
        if (body.release.length > 0) await labelling.queue.release(who, body.release);
        const reservations = await labelling.queue.heartbeat(who, body.reservations);
        return {
          object: 'preftune.heartbeat' as const,
          reservations: reservations.map((one) => ({ id: one.id, expires_at: seconds(one.expiresAt) })),
        };
      },
    ),
  ];
}

/** What the campaign shows once the person has voted: until then it would steer the vote. */
async function shownAfter(
  { labelling }: LabelContext,
  { campaign, item, vote }: { readonly campaign: Campaign; readonly item: Item; readonly vote: VoteRecord },
) {
  const shows = campaign.settings.shown_after_vote;
  if (shows.length === 0 || vote.verdict === 'skip') return null;
  const [left, right] = item.answers[0].id === vote.leftId ? item.answers : item.answers.toReversed();
  const judges = shows.includes('judges')
    ? (await labelling.queue.votesOf(item.id)).filter(
        ({ source, undoneAt }) => source === 'judge' && undoneAt === undefined,
      )
    : [];
  return {
    models: shows.includes('models') ? { left: left!.model ?? null, right: right!.model ?? null } : null,
    judges: judges.map((judged) => ({ ...ballotObject(judged), judge: judged.annotator })),
    gold:
      shows.includes('gold') && item.gold !== undefined
        ? {
            better: item.gold,
            is_right: vote.verdict === 'better' ? vote.betterId === item.gold : vote.verdict === item.gold,
          }
        : null,
  };
}
