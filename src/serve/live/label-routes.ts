import { createLabelling, type Campaign, type Item, type VoteRecord } from '../../labelling/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { campaignRoutes } from './campaign-routes.ts';
import { createLabelContext, type LabelContext } from './label-context.ts';
import { ballotObject, ballotOfBody, itemObject, progressObject, seconds } from './label-objects.ts';
import { HEARTBEAT, HEARTBEAT_BODY, NEXT, NEXT_BODY, UNDO_BODY, UNDONE, VOTE, VOTE_BODY } from './label-schema.ts';

/** An edited answer may be long. */
const MAX_VOTE_BYTES = 2 ** 22;

/** Labelling: what the label screen asks, and what looks after campaigns. */
export function labelRoutes(services: ServeServices): RouteDefinition[] {
  const { ledger } = services;
  let made: LabelContext | undefined;
  const kept = (): LabelContext => {
    if (ledger === undefined)
      throw new ServeError(404, 'This server has no store (--store none)', { code: 'no_store' });
    return (made ??= createLabelContext(ledger, createLabelling(ledger.room)));
  };
  return [...campaignRoutes(kept, services), ...voteRoutes(kept)];
}

function voteRoutes(kept: () => LabelContext): RouteDefinition[] {
  return [
    {
      method: 'post',
      path: '/v1/preftune/campaigns/{id}/next',
      policy: ['label'],
      summary: 'The items that are next, and the same ones until they are voted on; two, to have one ready',
      body: NEXT_BODY,
      answer: NEXT,
      handle: async (context) => {
        const { count, annotator: named } = checkBody(NEXT_BODY, await readBody(context, MAX_VOTE_BYTES));
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, named);
        const campaign = await find(context.req.param('id')!);
        const { assignments, nothing } = await labelling.queue.next(campaign, who, count);
        return context.json({
          object: 'preftune.next',
          items: assignments.map((assignment) => itemObject(assignment, campaign)),
          nothing: nothing ?? null,
          progress: progressObject(await labelling.progress(campaign)),
          mine: await labelling.mine(campaign, who),
        });
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/votes',
      policy: ['label'],
      summary: 'A vote on an item, answered when it is on the disk; the same one twice is one',
      body: VOTE_BODY,
      answer: VOTE,
      handle: async (context) => {
        const body = checkBody(VOTE_BODY, await readBody(context, MAX_VOTE_BYTES));
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, body.annotator);
        const campaign = await find(body.campaign);
        const result = await labelling.queue.vote({
          ...ballotOfBody(body),
          campaign,
          itemId: body.item,
          reservationId: body.reservation,
          annotator: who,
        });
        if (result.kind === 'gone')
          throw new ServeError(410, 'The item is gone: it was erased, and what was said of it with it', {
            code: 'item_gone',
            param: 'item',
          });
        if (result.kind === 'other')
          throw new ServeError(409, 'You have voted on this item already, and otherwise; take that vote back first', {
            code: 'voted_already',
            param: 'item',
            shouldRetry: false,
          });
        const { vote, item } = result;
        return context.json({
          object: 'preftune.vote',
          id: vote.id,
          item: item.id,
          is_counted: vote.isCounted || vote.isRepeat,
          is_repeated: result.kind === 'again',
          message: result.kind === 'kept' && result.why !== undefined ? `Kept, and not counted: ${result.why}` : null,
          shown: await shownAfter(kept(), { campaign, item, vote }),
          mine: await labelling.mine(campaign, who),
        });
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/votes/undo',
      policy: ['label'],
      summary: "Takes one of the caller's own last twenty votes back, by default the last, and gives its item again",
      body: UNDO_BODY,
      answer: UNDONE,
      handle: async (context) => {
        const { campaign: id, vote, annotator: named } = checkBody(UNDO_BODY, await readBody(context, MAX_VOTE_BYTES));
        const { labelling, annotator, campaign: find } = kept();
        const who = annotator(context, named);
        const campaign = await find(id);
        const undone = await labelling.queue.undo(campaign, who, vote);
        if (undone === undefined)
          throw new ServeError(404, 'There is no vote of yours among the last twenty that could be taken back', {
            code: 'nothing_to_undo',
            shouldRetry: false,
          });
        return context.json({
          object: 'preftune.undone',
          vote: undone.previous!.id,
          item: itemObject(undone, campaign),
        });
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/heartbeat',
      policy: ['label'],
      summary: "Prolongs what is on the screen; what is not in the answer is no longer the caller's",
      body: HEARTBEAT_BODY,
      answer: HEARTBEAT,
      handle: async (context) => {
        const body = checkBody(HEARTBEAT_BODY, await readBody(context, MAX_VOTE_BYTES));
        const { labelling, annotator } = kept();
        const who = annotator(context, body.annotator);
        if (body.release.length > 0) await labelling.queue.release(who, body.release);
        const reservations = await labelling.queue.heartbeat(who, body.reservations);
        return context.json({
          object: 'preftune.heartbeat',
          reservations: reservations.map(({ id, expiresAt }) => ({ id, expires_at: seconds(expiresAt) })),
        });
      },
    },
  ];
}

/** What the campaign shows once the person has voted: until then it would steer the vote. */
async function shownAfter(
  { labelling }: LabelContext,
  { campaign, item, vote }: { readonly campaign: Campaign; readonly item: Item; readonly vote: VoteRecord },
): Promise<object | null> {
  const shows = campaign.settings.shown_after_vote;
  if (shows.length === 0 || vote.verdict === 'skip') return null;
  const isFirstLeft = item.answers[0].id === vote.leftId;
  const [left, right] = isFirstLeft ? item.answers : item.answers.toReversed();
  const judges = shows.includes('judges')
    ? (await labelling.queue.votesOf(item.id)).filter(
        ({ source, undoneAt }) => source === 'judge' && undoneAt === undefined,
      )
    : [];
  return {
    ...(shows.includes('models') && { models: { left: left!.model ?? null, right: right!.model ?? null } }),
    ...(judges.length > 0 && {
      judges: judges.map((judged) => ({ judge: judged.annotator, ballot: ballotObject(judged) })),
    }),
    ...(shows.includes('gold') &&
      item.gold !== undefined && {
        gold: {
          better: item.gold,
          is_right: vote.verdict === 'better' ? vote.betterId === item.gold : vote.verdict === item.gold,
        },
      }),
  };
}
