import { createHash, randomBytes } from 'node:crypto';
import { badInput, createRandom, shownValue, writeExactJson, type JsonObject } from '../core/index.ts';
import type { Content } from '../data/index.ts';
import { parseRows, sql, type SqlStatement } from '../database/index.ts';
import { answerText, contentKey } from '../judge/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import { DEFAULT_GUIDELINES } from './guidelines.ts';
import type { ItemDraft } from './item-drafts.ts';
import { outcomeOf } from './outcome.ts';
import { CAMPAIGN_ROW, type Campaign } from './records.ts';
import { CAMPAIGN_SETTINGS, type CampaignSettings } from './settings.ts';

export interface CampaignWish {
  readonly name: string;
  /** Markdown. Default: DEFAULT_GUIDELINES. */
  readonly guidelines?: string | undefined;
  readonly settings?: CampaignSettings | undefined;
  /** Who makes it, for the audit log. */
  readonly actor: string;
}

export interface Guidelines {
  readonly version: number;
  readonly text: string;
  readonly createdAt: number;
}

export interface Campaigns {
  /** Throws bad-input where the name is taken. */
  create(wish: CampaignWish): Promise<Campaign>;
  get(id: string): Promise<Campaign | undefined>;
  named(name: string): Promise<Campaign | undefined>;
  list(): Promise<readonly Campaign[]>;
  setOpen(id: string, isOpen: boolean, actor: string): Promise<Campaign>;
  guidelines(id: string): Promise<readonly Guidelines[]>;
  /** A new version; the same text gives none. */
  setGuidelines(id: string, text: string, actor: string): Promise<Guidelines>;
  /** Items that were not there yet, by their prompt and answers. */
  addItems(id: string, drafts: readonly ItemDraft[]): Promise<{ readonly added: number; readonly known: number }>;
  /** Answers of an item that waited for them. */
  fillItem(itemId: string, answers: readonly [Content, Content]): Promise<void>;
}

/** So many items a commit. */
const BATCH = 200;
export const MOST_TEXT = 2 ** 20;

export function createCampaigns(room: LedgerRoom): Campaigns {
  const { database, audit, now } = room;
  const one = async (statement: SqlStatement): Promise<Campaign | undefined> =>
    parseRows(CAMPAIGN_ROW, await database.read(statement))[0];
  const get = (id: string): Promise<Campaign | undefined> => one(sql('SELECT * FROM label_campaigns WHERE id = ?', id));
  const need = async (id: string): Promise<Campaign> => {
    const found = await get(id);
    if (found !== undefined) return found;
    throw badInput({ path: 'id', message: `campaign: must be one that is there, got ${shownValue(id)}` });
  };
  const guidelines: Campaigns['guidelines'] = async (id) => {
    const rows = await database.read(
      sql('SELECT version, text, created_at FROM label_guidelines WHERE campaign_id = ? ORDER BY version DESC', id),
    );
    return rows.map((row) => ({
      version: Number(row.version),
      text: String(row.text),
      createdAt: Number(row.created_at),
    }));
  };

  return {
    async create({ name, guidelines: text = DEFAULT_GUIDELINES, settings = CAMPAIGN_SETTINGS.parse({}), actor }) {
      const at = now();
      if (name.trim() === '' || name.length > 200)
        throw badInput({ path: 'name', message: `name: must have 1 to 200 characters, got ${shownValue(name)}` });
      if ((await one(sql('SELECT * FROM label_campaigns WHERE name = ?', name))) !== undefined)
        throw badInput({
          path: 'name',
          message: `name: must be one that no campaign has yet, got ${shownValue(name)}; name another, or add items to that one`,
        });
      const campaign: Campaign = {
        id: `camp_${randomBytes(9).toString('hex')}`,
        name,
        createdAt: at,
        isOpen: true,
        seed: randomBytes(4).readUInt32BE(),
        settings,
        guidelineVersion: 1,
      };
      await audit(noteOf(actor, 'campaign.create', campaign.id, { name }), [
        sql(
          'INSERT INTO label_campaigns (id, name, created_at, is_open, seed, settings, guideline_version) VALUES (?, ?, ?, 1, ?, ?, 1)',
          campaign.id,
          name,
          at,
          campaign.seed,
          JSON.stringify(settings),
        ),
        sql(
          'INSERT INTO label_guidelines (campaign_id, version, text, created_at) VALUES (?, 1, ?, ?)',
          campaign.id,
          text,
          at,
        ),
      ]);
      return campaign;
    },
    get,
    named: (name) => one(sql('SELECT * FROM label_campaigns WHERE name = ?', name)),
    list: async () => parseRows(CAMPAIGN_ROW, await database.read(sql('SELECT * FROM label_campaigns ORDER BY seq'))),
    async setOpen(id, isOpen, actor) {
      await need(id);
      await audit(noteOf(actor, isOpen ? 'campaign.open' : 'campaign.close', id), [
        sql('UPDATE label_campaigns SET is_open = ? WHERE id = ?', isOpen ? 1 : 0, id),
      ]);
      return need(id);
    },
    guidelines,
    async setGuidelines(id, text, actor) {
      await need(id);
      const [newest] = await guidelines(id);
      if (newest?.text === text) return newest;
      const next = { version: (newest?.version ?? 0) + 1, text, createdAt: now() };
      await audit(noteOf(actor, 'campaign.guidelines', id, { version: next.version }), [
        sql(
          'INSERT INTO label_guidelines (campaign_id, version, text, created_at) VALUES (?, ?, ?, ?)',
          id,
          next.version,
          text,
          next.createdAt,
        ),
        sql('UPDATE label_campaigns SET guideline_version = ? WHERE id = ?', next.version, id),
      ]);
      return next;
    },
    async addItems(id, drafts) {
      const campaign = await need(id);
      const [last] = await database.read(
        sql('SELECT max(position) AS position, count(*) AS count FROM label_items WHERE campaign_id = ?', id),
      );
      let place = Number(last!.count);
      let added = 0;
      for (let from = 0; from < drafts.length; from += BATCH) {
        const results = await database.write(
          drafts.slice(from, from + BATCH).map((draft) => insertItem(campaign, draft, { place: place++, at: now() })),
        );
        added += results!.reduce((sum, { changes }) => sum + changes, 0);
      }
      return { added, known: drafts.length - added };
    },
    async fillItem(itemId, [first, second]) {
      await database.write([
        sql(
          "UPDATE label_items SET first = ?, first_length = ?, second = ?, second_length = ?, status = 'open' WHERE id = ? AND status = 'waiting'",
          writeExactJson(first),
          lengthOf(first),
          writeExactJson(second),
          lengthOf(second),
          itemId,
        ),
      ]);
    },
  };
}

function noteOf(
  actor: string,
  action: string,
  subject: string,
  detail?: JsonObject,
): Parameters<LedgerRoom['audit']>[0] {
  return { actor, action, subject, ...(detail && { detail }) };
}

/** Which answer is first is a coin's, so that files whose better answer always comes first bring no agreement by chance. */
function insertItem(
  { id: campaignId, seed, settings }: Campaign,
  { prompt, answers, gold, source, extra, userHash }: ItemDraft,
  { place, at }: { readonly place: number; readonly at: number },
): SqlStatement {
  const key = contentKeyOf(prompt, answers);
  const random = createRandom(seed, `item ${key}`);
  const isTurned = random.nextInt(2) === 1;
  const ids = answers.map(() => `ans_${randomBytes(8).toString('hex')}`);
  const [first, second] = isTurned ? [1, 0] : [0, 1];
  const position = settings.order === 'random' ? random.nextFloat() : place;
  const waits = answers.some(({ content }) => content === undefined);
  const { wanted } = outcomeOf([0, 0, 0], settings);
  const goldId = typeof gold === 'number' ? ids[gold] : gold;
  const values = (which: number) => {
    const { content, model } = answers[which]!;
    return [
      ids[which],
      content === undefined ? undefined : writeExactJson(content),
      model,
      content === undefined ? 0 : lengthOf(content),
    ];
  };
  return sql(
    `INSERT OR IGNORE INTO label_items (id, campaign_id, position, content_key, created_at, status, votes, wanted, prompt, first_id, first, first_model, first_length,
     second_id, second, second_model, second_length, gold, source, extra, user_hash) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    `item_${randomBytes(9).toString('hex')}`,
    campaignId,
    position,
    key,
    at,
    waits ? 'waiting' : 'open',
    wanted,
    writeExactJson(prompt),
    ...values(first!),
    ...values(second!),
    goldId,
    JSON.stringify(source),
    extra === undefined ? undefined : writeExactJson(extra),
    userHash,
  );
}

/** The same prompt with the same two answers, in whatever order; for answers that are still to be drawn, with the same models. */
function contentKeyOf(prompt: Content, answers: ItemDraft['answers']): string {
  const keys = answers.map(({ content, model }) =>
    content === undefined ? `drawn from ${model}` : contentKey(content),
  );
  return createHash('sha256')
    .update(JSON.stringify([contentKey(prompt), keys.toSorted()]))
    .digest('base64url');
}

function lengthOf(content: Content): number {
  return [...answerText(content)].length;
}
