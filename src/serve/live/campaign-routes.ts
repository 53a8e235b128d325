import type { Context } from 'hono';
import { z } from 'zod';
import { writeExactJson } from '../../core/index.ts';
import { memorySource } from '../../data/index.ts';
import { draftsOf, ITEM_STATUSES, type Campaign, type ItemStatus, type LeftOut } from '../../labelling/index.ts';
import { readBuildRows } from '../../pairs/index.ts';
import { handled, type HandledRoute } from '../http/handled.ts';
import { listOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import { actorOf, doneBy, type LabelContext } from './label-context.ts';
import { ballotOfBody, campaignObject, panelObject, reviewObject, seconds } from './label-objects.ts';
import {
  ADDED,
  ADJUDICATE_BODY,
  CAMPAIGN,
  CAMPAIGNS,
  CHANGE_BODY,
  CREATE_BODY,
  EXPORT_QUERY,
  GUIDELINES_OBJECT,
  GUIDELINES_QUERY,
  ITEMS_BODY,
  JUDGE_BODY,
  JUDGED,
  PANEL,
  QUEUE_QUERY,
  REVIEW,
  REVIEW_QUERY,
  REVIEWS,
} from './label-schema.ts';

const MAX_ROWS_BYTES = 32 * 2 ** 20;
const SEES = ['label', 'read', 'train'] as const;
const PATH = '/v1/preftune/campaigns';

/** Campaigns: made, looked after, decided where people disagree, and taken out as rows. */
export function campaignRoutes(kept: () => LabelContext): HandledRoute[] {
  return [...madeRoutes(kept), ...lookedAfterRoutes(kept)];
}

function madeRoutes(kept: () => LabelContext): HandledRoute[] {
  return [
    handled(
      { method: 'get', path: PATH, policy: SEES, summary: 'Campaigns, newest first', answer: CAMPAIGNS },
      async ({ context }) => {
        const campaigns = (await kept().labelling.campaigns.list()).toReversed();
        return listOf(await Promise.all(campaigns.map((each) => shown(context, each, kept()))), false);
      },
    ),
    handled(
      {
        method: 'post',
        path: PATH,
        policy: ['train'],
        summary: 'Makes a campaign, with items of rows',
        body: CREATE_BODY,
        maxBodyBytes: MAX_ROWS_BYTES,
        answer: CAMPAIGN,
      },
      async ({ context, body: { name, guidelines, settings, rows = [] } }) => {
        const { drafts } = await draftsFrom(rows);
        const { campaigns } = kept().labelling;
        const campaign = await campaigns.create({ name, guidelines, settings, actor: actorOf(context) });
        await campaigns.addItems(campaign.id, drafts);
        return shown(context, campaign, kept());
      },
    ),
    handled(
      {
        method: 'get',
        path: `${PATH}/{id}`,
        policy: SEES,
        summary: 'A campaign and how far it is',
        answer: CAMPAIGN,
      },
      async ({ context, params: { id } }) => shown(context, await kept().campaign(id), kept()),
    ),
    handled(
      {
        method: 'patch',
        path: `${PATH}/{id}`,
        policy: ['train'],
        summary: 'Opens or closes it; a new version of its guidelines',
        body: CHANGE_BODY,
        answer: CAMPAIGN,
      },
      async ({ context, params: { id }, body: { is_open: isOpen, guidelines } }) => {
        await kept().campaign(id);
        const { campaigns } = kept().labelling;
        if (guidelines !== undefined) await campaigns.setGuidelines(id, guidelines, actorOf(context));
        if (isOpen !== undefined) await campaigns.setOpen(id, isOpen, actorOf(context));
        return shown(context, await kept().campaign(id), kept());
      },
    ),
    handled(
      {
        method: 'get',
        path: `${PATH}/{id}/guidelines`,
        policy: SEES,
        summary: 'What people are told who label; version=N gives an older one',
        query: GUIDELINES_QUERY,
        answer: GUIDELINES_OBJECT,
      },
      async ({ params: { id }, query: { version: asked } }) => {
        await kept().campaign(id);
        const versions = await kept().labelling.campaigns.guidelines(id);
        const one = asked === undefined ? versions[0] : versions.find(({ version }) => version === asked);
        if (one === undefined)
          throw new ServeError(404, 'There is no such version of the guidelines', { param: 'version' });
        return {
          object: 'preftune.guidelines' as const,
          version: one.version,
          text: one.text,
          created_at: seconds(one.createdAt),
          versions: versions.map(({ version, createdAt }) => ({ version, created_at: seconds(createdAt) })),
        };
      },
    ),
    handled(
      {
        method: 'post',
        path: `${PATH}/{id}/items`,
        policy: ['train'],
        summary: 'More items; those that are there already are passed over',
        body: ITEMS_BODY,
        maxBodyBytes: MAX_ROWS_BYTES,
        answer: ADDED,
      },
      async ({ params: { id }, body: { rows = [] } }) => {
        await kept().campaign(id);
        const { drafts, equal } = await draftsFrom(rows);
        const { added, known } = await kept().labelling.campaigns.addItems(id, drafts);
        return { object: 'preftune.added' as const, added, known, equal };
      },
    ),
  ];
}

function lookedAfterRoutes(kept: () => LabelContext): HandledRoute[] {
  return [
    handled(
      {
        method: 'get',
        path: `${PATH}/{id}/items`,
        policy: ['read', 'train'],
        summary: 'Items with all that was said of them; status=settled,disputed filters',
        query: REVIEW_QUERY,
        answer: REVIEWS,
      },
      async ({ params: { id }, query: { status, ...page } }) => {
        const statuses = status?.split(',') ?? ITEM_STATUSES;
        return itemsOf(kept(), await kept().campaign(id), { ...page, statuses });
      },
    ),
    handled(
      {
        method: 'get',
        path: `${PATH}/{id}/panel`,
        policy: SEES,
        summary: 'How people label: agreement, known answers, biases, time',
        answer: PANEL,
      },
      async ({ context, params: { id } }) => {
        const { labelling, campaign, whoever } = kept();
        return panelObject(await labelling.panel(await campaign(id)), whoever(context));
      },
    ),
    handled(
      {
        method: 'get',
        path: `${PATH}/{id}/adjudication`,
        policy: ['read', 'train'],
        summary: 'Items that wait for somebody who decides: disputed, flagged, skipped by many',
        query: QUEUE_QUERY,
        answer: REVIEWS,
      },
      async ({ params: { id }, query }) =>
        itemsOf(kept(), await kept().campaign(id), { ...query, statuses: ['disputed', 'held'] }),
    ),
    handled(
      {
        method: 'post',
        path: `${PATH}/{id}/adjudication`,
        policy: ['train'],
        summary: 'Decides an item, gives it out again, or takes it out',
        body: ADJUDICATE_BODY,
        answer: REVIEW,
      },
      async ({ context, params: { id }, body: { item_id: itemId, act, verdict, ...ballot } }) => {
        const { labelling, ledger, whoever, campaign } = kept();
        if ((act === 'decide') !== (verdict !== undefined))
          throw new ServeError(400, 'verdict: goes with act decide, and with nothing else', { param: 'verdict' });
        const by = whoever(context) ?? ledger.room.hashUser(actorOf(context));
        const decision = act === 'decide' ? { ...ballotOfBody({ ...ballot, verdict: verdict! }), by } : act;
        const item = await labelling.queue.adjudicate(await campaign(id), itemId, decision);
        if (item !== undefined) return reviewObject(item, await labelling.queue.votesOf(item.id));
        throw new ServeError(404, 'There is no such item in the campaign', { code: 'not_found', param: 'item_id' });
      },
    ),
    handled(
      {
        method: 'post',
        path: `${PATH}/{id}/judge-votes`,
        policy: ['train'],
        summary: 'Verdicts of a judge; people see them after their own vote, where the campaign shows them',
        body: JUDGE_BODY,
        answer: JUDGED,
      },
      async ({ params: { id }, body: { judge, verdicts } }) => {
        const { labelling, campaign } = kept();
        const all = verdicts.map(({ item_id: itemId, confidence, ...ballot }) => ({
          ...ballotOfBody(ballot),
          itemId,
          confidence,
        }));
        return {
          object: 'preftune.judge_votes' as const,
          kept: await labelling.queue.judge(await campaign(id), judge, all),
        };
      },
    ),
    handled(
      {
        method: 'get',
        path: `${PATH}/{id}/export`,
        policy: ['read', 'train'],
        summary:
          'Votes, pairs, demonstrations, edits or unpaired answers as JSON Lines; a header says what was left out',
        query: EXPORT_QUERY,
        answerType: 'application/jsonl',
        answer: z.string(),
      },
      async ({ context, params: { id }, query }) =>
        exportCampaign(context, await kept().campaign(id), { ...kept(), query }),
    ),
  ];
}

async function shown(context: Context, campaign: Campaign, { labelling, whoever }: LabelContext) {
  const who = whoever(context);
  const [guidelines] = await labelling.campaigns.guidelines(campaign.id);
  return campaignObject(campaign, {
    progress: await labelling.progress(campaign),
    guidelines: guidelines!,
    doneByYou: who === undefined ? undefined : await doneBy(labelling, campaign, who),
  });
}

async function itemsOf(
  { labelling }: LabelContext,
  campaign: Campaign,
  {
    statuses,
    limit,
    after,
  }: { readonly statuses: readonly string[]; readonly limit: number; readonly after?: string | undefined },
) {
  const unknown = statuses.find((status) => !(ITEM_STATUSES as readonly string[]).includes(status));
  if (unknown !== undefined)
    throw new ServeError(400, `status: must be some of ${ITEM_STATUSES.join(', ')}, got ${unknown.slice(0, 50)}`, {
      param: 'status',
    });
  const { items, hasMore } = await labelling.items(campaign, {
    statuses: statuses as readonly ItemStatus[],
    limit,
    after,
  });
  const reviews = await Promise.all(
    items.map(async (item) => reviewObject(item, await labelling.queue.votesOf(item.id))),
  );
  return listOf(reviews, hasMore);
}

/** Counted once, then sent as it is read: the headers, which come first, say what is left out. */
async function exportCampaign(
  context: Context,
  campaign: Campaign,
  { labelling, ledger, query }: LabelContext & { readonly query: z.output<typeof EXPORT_QUERY> },
): Promise<Response> {
  const { format, labels, min_votes: minVotes, min_agreement: minAgreement } = query;
  const options = {
    format,
    ...(labels && { labels }),
    ...(minVotes !== undefined && { minVotes }),
    ...(minAgreement !== undefined && { minAgreement }),
  };
  const leftOut: LeftOut = {};
  let rows = 0;
  const counted = labelling.export(campaign, { ...options, leftOut });
  while (!(await counted.next()).done) rows++;
  await ledger.audit.append({
    actor: actorOf(context),
    action: 'campaign.export',
    subject: campaign.id,
    detail: { format, rows },
  });
  const lines = labelling.export(campaign, { ...options, leftOut: {} });
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(`${writeExactJson(value)}\n`));
    },
    cancel: async () => void (await lines.return(undefined)),
  });
  return context.body(stream, 200, {
    'content-type': 'application/jsonl; charset=utf-8',
    'content-disposition': `attachment; filename="${campaign.id}-${format}.jsonl"`,
    'x-preftune-rows': String(rows),
    'x-preftune-left-out': JSON.stringify(leftOut),
  });
}

async function draftsFrom(rows: readonly Readonly<Record<string, unknown>>[]) {
  if (rows.length === 0) return { drafts: [], equal: 0 };
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const read = await readBuildRows([memorySource('rows.jsonl', text)], { shape: 'answers', keepsFields: true });
  const { drafts, equal } = draftsOf(read.rows);
  return { drafts, equal: equal.length };
}
