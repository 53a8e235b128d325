import { parseRows, sql } from '../database/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import { createCampaigns, type Campaigns } from './campaigns.ts';
import { exportRows, type LabelExport, type LabelExportOptions, type LeftOut } from './export.ts';
import { panelOf, progressOf, type Panel, type Progress } from './panel.ts';
import { createQueue, type Queue } from './queue.ts';
import { ITEM_ROW, type Campaign, type Item, type ItemStatus } from './records.ts';
import type { JsonObject } from '../core/index.ts';

/** Campaigns in which people compare two answers. One for a store: what reads and then writes stands in one row. */
export interface Labelling {
  readonly campaigns: Campaigns;
  readonly queue: Queue;
  progress(campaign: Campaign): Promise<Progress>;
  /** What the person has done in the campaign. */
  mine(campaign: Campaign, annotator: string): Promise<{ readonly votes: number; readonly skips: number }>;
  panel(campaign: Campaign): Promise<Panel>;
  /** Items in the order in which they came, by status. */
  items(
    campaign: Campaign,
    page: { readonly statuses: readonly ItemStatus[]; readonly after?: string | undefined; readonly limit: number },
  ): Promise<{ readonly items: readonly Item[]; readonly hasMore: boolean }>;
  export(
    campaign: Campaign,
    options: LabelExportOptions & { readonly format: LabelExport; readonly leftOut: LeftOut },
  ): AsyncGenerator<JsonObject>;
}

/**
 * Labelling in a store.
 *
 * @example
 * ```ts run
 * import { openLedger } from 'preftune/ledger';
 * import { createLabelling } from 'preftune/labelling';
 *
 * const ledger = await openLedger('store');
 * const { campaigns, queue } = createLabelling(ledger.room);
 * const campaign = await campaigns.create({ name: 'tone', actor: 'owner' });
 * const answers = [{ content: 'Sure!' }, { content: 'No.' }] as const;
 * await campaigns.addItems(campaign.id, [{ prompt: 'Help me?', answers, source: {} }]);
 * const { assignments } = await queue.next(campaign, ledger.room.hashUser('Anna'), 1);
 * console.log(assignments[0]?.item.prompt); // Help me?
 * await ledger.close();
 * ```
 */
export function createLabelling(room: LedgerRoom): Labelling {
  const { database } = room;
  return {
    campaigns: createCampaigns(room),
    queue: createQueue(room),
    progress: (campaign) => progressOf(room, campaign),
    async mine(campaign, annotator) {
      const [row] = await database.read(
        sql(
          "SELECT count(*) AS n, sum(verdict = 'skip') AS skips FROM label_votes WHERE annotator = ? AND campaign_id = ? AND undone_at IS NULL AND source = 'person'",
          annotator,
          campaign.id,
        ),
      );
      const skips = Number(row!.skips ?? 0);
      return { votes: Number(row!.n) - skips, skips };
    },
    panel: (campaign) => panelOf(room, campaign),
    async items(campaign, { statuses, after, limit }) {
      const marks = statuses.map(() => '?').join(', ');
      const rows = await database.read(
        sql(
          `SELECT * FROM label_items WHERE campaign_id = ? AND status IN (${marks}) AND seq > coalesce((SELECT seq FROM label_items WHERE id = ?), 0) ORDER BY seq LIMIT ?`,
          campaign.id,
          ...statuses,
          after,
          limit + 1,
        ),
      );
      return { items: parseRows(ITEM_ROW, rows.slice(0, limit)), hasMore: rows.length > limit };
    },
    export: (campaign, options) => exportRows(room, campaign, options),
  };
}
