import type { Context } from 'hono';
import type { z } from '@hono/zod-openapi';
import { memorySource } from '../../data/index.ts';
import {
  draftsOf,
  ITEM_STATUSES,
  type Campaign,
  type ItemDraft,
  type ItemStatus,
  type LeftOut,
} from '../../labelling/index.ts';
import { readBuildRows } from '../../pairs/index.ts';
import type { RouteDefinition } from '../http/app.ts';
import { checkBody, readBody } from '../http/json-body.ts';
import { listOf, pageOf } from '../openai/pages.ts';
import { ServeError } from '../serve-error.ts';
import type { ServeServices } from '../services.ts';
import { actorOf, type LabelContext } from './label-context.ts';
import { ballotOfBody, campaignObject, panelObject, reviewObject, seconds } from './label-objects.ts';
import {
  ADDED,
  ADJUDICATE_BODY,
  CAMPAIGN,
  CHANGE_BODY,
  CREATE_BODY,
  EXPORT_QUERY,
  GUIDELINES,
  ITEMS_BODY,
  JUDGE_BODY,
  PANEL,
  REVIEW,
} from './label-schema.ts';

const MAX_ROWS_BYTES = 32 * 2 ** 20;
const SEES = ['label', 'read', 'train'] as const;

/** Campaigns: made, looked after, decided where people disagree, and taken out as rows. */
export function campaignRoutes(kept: () => LabelContext, { book }: ServeServices): RouteDefinition[] {
  const shown = async (context: Context, campaign: Campaign): Promise<z.output<typeof CAMPAIGN>> => {
    const { labelling, whoever } = kept();
    const who = whoever(context);
    const mine = who === undefined ? undefined : await labelling.mine(campaign, who);
    return campaignObject(campaign, await labelling.progress(campaign), mine);
  };
  const find = (context: Context): Promise<Campaign> => kept().campaign(context.req.param('id')!);
  const served = (name: string): void => {
    if (!book.list().some((entry) => entry.name === name))
      throw new ServeError(404, `The model ${JSON.stringify(name)} does not exist here`, {
        code: 'model_not_found',
        param: 'models',
      });
  };
  return [
    {
      method: 'get',
      path: '/v1/preftune/campaigns',
      policy: SEES,
      summary: 'Campaigns, newest first',
      handle: async (context) => {
        const campaigns = (await kept().labelling.campaigns.list()).toReversed();
        return context.json(listOf(await Promise.all(campaigns.map((each) => shown(context, each))), false));
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/campaigns',
      policy: ['train'],
      summary: 'Makes a campaign, with items of rows, of prompts that two models answer, or of logged requests',
      body: CREATE_BODY,
      answer: CAMPAIGN,
      handle: async (context) => {
        const { name, guidelines, settings, ...from } = checkBody(CREATE_BODY, await readBody(context, MAX_ROWS_BYTES));
        const { drafts } = await draftsFrom(from, kept(), served);
        const { campaigns } = kept().labelling;
        const campaign = await campaigns.create({ name, guidelines, settings, actor: actorOf(context) });
        await campaigns.addItems(campaign.id, drafts);
        return context.json(await shown(context, campaign));
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/campaigns/{id}',
      policy: SEES,
      summary: 'A campaign and how far it is',
      answer: CAMPAIGN,
      handle: async (context) => context.json(await shown(context, await find(context))),
    },
    {
      method: 'patch',
      path: '/v1/preftune/campaigns/{id}',
      policy: ['train'],
      summary: 'Opens or closes it; a new version of its guidelines',
      body: CHANGE_BODY,
      answer: CAMPAIGN,
      handle: async (context) => {
        const { is_open: isOpen, guidelines } = checkBody(CHANGE_BODY, await readBody(context, MAX_ROWS_BYTES));
        const { id } = await find(context);
        const { campaigns } = kept().labelling;
        if (guidelines !== undefined) await campaigns.setGuidelines(id, guidelines, actorOf(context));
        if (isOpen !== undefined) await campaigns.setOpen(id, isOpen, actorOf(context));
        return context.json(await shown(context, await find(context)));
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/campaigns/{id}/guidelines',
      policy: SEES,
      summary: 'What people are told who label',
      answer: GUIDELINES,
      handle: async (context) => {
        const { id } = await find(context);
        const versions = await kept().labelling.campaigns.guidelines(id);
        const asked = context.req.query('version');
        const one = asked === undefined ? versions[0] : versions.find(({ version }) => String(version) === asked);
        if (one === undefined)
          throw new ServeError(404, 'There is no such version of the guidelines', { param: 'version' });
        return context.json({
          object: 'preftune.guidelines',
          version: one.version,
          text: one.text,
          created_at: seconds(one.createdAt),
          versions: versions.map(({ version, createdAt }) => ({ version, created_at: seconds(createdAt) })),
        });
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/campaigns/{id}/items',
      policy: ['train'],
      summary: 'More items; those that are there already are passed over',
      body: ITEMS_BODY,
      answer: ADDED,
      handle: async (context) => {
        const { id } = await find(context);
        const body = checkBody(ITEMS_BODY, await readBody(context, MAX_ROWS_BYTES));
        const { drafts, equal } = await draftsFrom(body, kept(), served);
        const { added, known } = await kept().labelling.campaigns.addItems(id, drafts);
        return context.json({ object: 'preftune.added', added, known, equal });
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/campaigns/{id}/items',
      policy: ['read', 'train'],
      summary: 'Items with all that was said of them; status=settled,disputed,... filters',
      handle: async (context) => {
        const campaign = await find(context);
        const wanted = context.req.query('status')?.split(',') ?? ITEM_STATUSES;
        return listItems(context, { campaign, statuses: wanted as readonly ItemStatus[], kept: kept() });
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/campaigns/{id}/panel',
      policy: SEES,
      summary: 'How people label: agreement, known answers, biases, time',
      answer: PANEL,
      handle: async (context) => {
        const campaign = await find(context);
        return context.json(panelObject(await kept().labelling.panel(campaign), kept().whoever(context)));
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/campaigns/{id}/adjudication',
      policy: ['read', 'train'],
      summary: 'Items that wait for somebody who decides: disputed, flagged, skipped by many',
      handle: async (context) =>
        listItems(context, { campaign: await find(context), statuses: ['disputed', 'held'], kept: kept() }),
    },
    {
      method: 'post',
      path: '/v1/preftune/campaigns/{id}/adjudication',
      policy: ['train'],
      summary: 'Decides an item, gives it out again, or takes it out',
      body: ADJUDICATE_BODY,
      answer: REVIEW,
      handle: async (context) => {
        const body = checkBody(ADJUDICATE_BODY, await readBody(context, MAX_ROWS_BYTES));
        const campaign = await find(context);
        const { labelling, ledger, whoever } = kept();
        const by = whoever(context) ?? ledger.room.hashUser(actorOf(context));
        const decision = body.do === 'decide' ? { ...ballotOfBody(body), by } : body.do;
        const item = await labelling.queue.adjudicate(campaign, body.item, decision);
        if (item === undefined)
          throw new ServeError(404, 'There is no such item in the campaign', { code: 'not_found', param: 'item' });
        return context.json(reviewObject(item, await labelling.queue.votesOf(item.id)));
      },
    },
    {
      method: 'post',
      path: '/v1/preftune/campaigns/{id}/judge-votes',
      policy: ['train'],
      summary:
        'Verdicts of a judge; people see them after their vote at the earliest, and where the campaign shows them',
      body: JUDGE_BODY,
      handle: async (context) => {
        const { judge, verdicts } = checkBody(JUDGE_BODY, await readBody(context, MAX_ROWS_BYTES));
        const campaign = await find(context);
        const kinds = verdicts.map(({ item, confidence, ...ballot }) => ({
          ...ballotOfBody(ballot),
          itemId: item,
          confidence,
        }));
        const n = await kept().labelling.queue.judge(campaign, judge, kinds);
        return context.json({ object: 'preftune.judge_votes', kept: n });
      },
    },
    {
      method: 'get',
      path: '/v1/preftune/campaigns/{id}/export',
      policy: ['read', 'train'],
      summary: 'Votes, pairs, demonstrations, edits or unpaired answers as JSON Lines; headers say what was left out',
      answerType: 'application/jsonl',
      handle: async (context) => exportCampaign(context, await find(context), kept()),
    },
  ];
}

async function listItems(
  context: Context,
  {
    campaign,
    statuses,
    kept,
  }: { readonly campaign: Campaign; readonly statuses: readonly ItemStatus[]; readonly kept: LabelContext },
): Promise<Response> {
  const unknown = statuses.find((status) => !ITEM_STATUSES.includes(status));
  if (unknown !== undefined)
    throw new ServeError(400, `status: must be some of ${ITEM_STATUSES.join(', ')}, got ${unknown.slice(0, 50)}`, {
      param: 'status',
    });
  const { limit, after } = pageOf(context.req.query());
  const { items, hasMore } = await kept.labelling.items(campaign, { statuses, limit, after });
  const reviews = await Promise.all(
    items.map(async (item) => reviewObject(item, await kept.labelling.queue.votesOf(item.id))),
  );
  return context.json(listOf(reviews, hasMore));
}

/** Counted once, then sent as it is read: the headers, which come first, say what is left out. */
async function exportCampaign(
  context: Context,
  campaign: Campaign,
  { labelling, ledger }: LabelContext,
): Promise<Response> {
  const {
    format,
    labels,
    min_votes: minVotes,
    min_agreement: minAgreement,
  } = checkBody(EXPORT_QUERY, context.req.query());
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
      else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
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

type From = z.output<typeof ITEMS_BODY>;

async function draftsFrom(
  { rows, prompts, models, logged }: From,
  { ledger }: LabelContext,
  served: (name: string) => void,
): Promise<{ readonly drafts: readonly ItemDraft[]; readonly equal: number }> {
  const drafts: ItemDraft[] = [];
  let equal = 0;
  if (rows !== undefined && rows.length > 0) {
    const read = await readBuildRows(
      [memorySource('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))],
      {
        shape: 'answers',
      },
    );
    const made = draftsOf(read.rows);
    drafts.push(...made.drafts);
    equal = made.equal.length;
  }
  if ((prompts !== undefined || logged !== undefined) && models === undefined)
    throw new ServeError(400, 'models: must name the two that answer, got none', { param: 'models' });
  for (const name of models ?? []) served(name);
  void logged;
  void ledger;
  return { drafts, equal };
}
