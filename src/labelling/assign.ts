import { randomBytes } from 'node:crypto';
import { createRandom } from '../core/index.ts';
import { parseRows, sql, type SqlStatement } from '../database/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import { leftOf } from './ballot.ts';
import { RESERVATION_ROW, type Campaign, type Item, type Reservation, type VoteRecord } from './records.ts';

/** An item that is somebody's for a while. */
export interface Assignment {
  readonly reservation: Reservation;
  readonly item: Item;
  /** The vote that was taken back, where the item comes again for that. */
  readonly previous?: VoteRecord | undefined;
}

/** The last so many votes are not asked again. */
const REPEAT_AFTER = 10;

interface ReserveOptions {
  readonly isRepeat: boolean;
  readonly leftId: string;
  /** The order in which the person is shown what is reserved. */
  readonly place: number;
  readonly seconds?: number;
}

/** Which item comes next to whom, and for how long it is theirs. */
export function createAssigning({ database, now }: LedgerRoom, itemOf: (id: string) => Promise<Item | undefined>) {
  const reservationsOf = async (campaignId: string, annotator: string): Promise<Reservation[]> =>
    parseRows(
      RESERVATION_ROW,
      await database.read(
        sql(
          'SELECT * FROM label_reservations WHERE annotator = ? AND campaign_id = ? AND expires_at > ? ORDER BY place, created_at, id',
          annotator,
          campaignId,
          now(),
        ),
      ),
    );
  const firstId = async (statement: SqlStatement): Promise<string | undefined> => {
    const [row] = await database.read(statement);
    return row === undefined ? undefined : String(row.id);
  };

  const nextOpen = (campaign: Campaign, annotator: string): Promise<string | undefined> =>
    firstId(
      sql(
        `SELECT i.id FROM label_items AS i WHERE i.campaign_id = ?1 AND i.status = 'open' AND i.gold IS NULL
         AND NOT EXISTS (SELECT 1 FROM label_votes AS v WHERE v.item_id = i.id AND v.annotator = ?2 AND v.undone_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM label_reservations AS r WHERE r.item_id = i.id AND r.annotator = ?2 AND r.expires_at > ?3)
         AND i.votes + (SELECT count(*) FROM label_reservations AS r WHERE r.item_id = i.id AND r.annotator <> ?2 AND r.expires_at > ?3 AND r.is_repeat = 0) < i.wanted
         ORDER BY i.votes DESC, i.position LIMIT 1`,
        campaign.id,
        annotator,
        now(),
      ),
    );
  const nextGold = (campaign: Campaign, annotator: string): Promise<string | undefined> =>
    firstId(
      sql(
        `SELECT i.id FROM label_items AS i WHERE i.campaign_id = ?1 AND i.status = 'open' AND i.gold IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM label_votes AS v WHERE v.item_id = i.id AND v.annotator = ?2 AND v.undone_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM label_reservations AS r WHERE r.item_id = i.id AND r.annotator = ?2 AND r.expires_at > ?3)
         ORDER BY i.position LIMIT 1`,
        campaign.id,
        annotator,
        now(),
      ),
    );
  /** One of the person's own votes that was not asked again yet, not of the last ones. */
  const nextRepeat = async (campaign: Campaign, annotator: string, pick: number): Promise<string | undefined> => {
    const rows = await database.read(
      sql(
        `SELECT v.item_id AS id FROM label_votes AS v JOIN label_items AS i ON i.id = v.item_id WHERE v.annotator = ?1 AND v.campaign_id = ?2 AND v.undone_at IS NULL
         AND v.source = 'person' AND v.verdict <> 'skip' AND i.gold IS NULL AND i.status NOT IN ('held', 'removed', 'waiting')
         AND NOT EXISTS (SELECT 1 FROM label_votes AS w WHERE w.item_id = v.item_id AND w.annotator = ?1 AND w.is_repeat = 1 AND w.undone_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM label_reservations AS r WHERE r.item_id = v.item_id AND r.annotator = ?1 AND r.expires_at > ?3)
         ORDER BY v.seq DESC LIMIT 500`,
        annotator,
        campaign.id,
        now(),
      ),
    );
    const old = rows.slice(REPEAT_AFTER);
    return old.length === 0 ? undefined : String(old[Math.floor(pick * old.length)]!.id);
  };

  const reserve = async (
    campaign: Campaign,
    annotator: string,
    item: Item,
    { isRepeat, leftId, place, seconds = 0 }: ReserveOptions,
  ): Promise<Reservation> => {
    const at = now();
    const reservation: Reservation = {
      id: `res_${randomBytes(9).toString('hex')}`,
      itemId: item.id,
      campaignId: campaign.id,
      annotator,
      leftId,
      isRepeat,
      createdAt: at,
      expiresAt: at + campaign.settings.reserve_minutes * 60_000,
      seconds,
    };
    await database.write([
      // What ran out is somebody's no more, and the same person's other one goes with the new one.
      sql('DELETE FROM label_reservations WHERE item_id = ? AND annotator = ?', item.id, annotator),
      sql(
        `INSERT INTO label_reservations (id, item_id, campaign_id, annotator, left_id, is_repeat, place, created_at, expires_at, seconds)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        reservation.id,
        item.id,
        campaign.id,
        annotator,
        leftId,
        isRepeat ? 1 : 0,
        place,
        at,
        reservation.expiresAt,
        seconds,
      ),
    ]);
    return reservation;
  };

  /** How often the person was asked so far: the number of the next question, which its coins are drawn by. */
  const askedOf = async (campaign: Campaign, annotator: string): Promise<number> => {
    const [row] = await database.read(
      sql('SELECT count(*) AS n FROM label_votes WHERE annotator = ? AND campaign_id = ?', annotator, campaign.id),
    );
    return Number(row!.n);
  };

  const assign = async (campaign: Campaign, annotator: string, asked: number): Promise<Assignment | undefined> => {
    const { gold_share: gold, repeat_share: repeat } = campaign.settings;
    const random = createRandom(campaign.seed, `asked ${annotator} ${asked}`);
    const [kind, pick] = [random.nextFloat(), random.nextFloat()];
    const goldId = kind < gold ? await nextGold(campaign, annotator) : undefined;
    const isRepeatTurn = kind >= gold && kind < gold + repeat;
    const repeatId = isRepeatTurn ? await nextRepeat(campaign, annotator, pick) : undefined;
    const id = goldId ?? repeatId ?? (await nextOpen(campaign, annotator));
    const item = id === undefined ? undefined : await itemOf(id);
    if (item === undefined) return undefined;
    const isRepeat = repeatId !== undefined;
    const leftId = leftOf(campaign, item, annotator, isRepeat);
    return { item, reservation: await reserve(campaign, annotator, item, { isRepeat, leftId, place: asked }) };
  };

  return { reservationsOf, reserve, assign, askedOf, hasOpen, isTaken };

  async function hasOpen(campaignId: string): Promise<boolean> {
    const [row] = await database.read(
      sql(
        "SELECT 1 AS one FROM label_items WHERE campaign_id = ? AND status = 'open' AND gold IS NULL LIMIT 1",
        campaignId,
      ),
    );
    return row !== undefined;
  }

  /** Whether others have, or hold, all the votes that are wanted. */
  async function isTaken(item: Item, annotator: string): Promise<boolean> {
    const [row] = await database.read(
      sql(
        'SELECT count(*) AS n FROM label_reservations WHERE item_id = ? AND annotator <> ? AND expires_at > ? AND is_repeat = 0',
        item.id,
        annotator,
        now(),
      ),
    );
    return item.votes + Number(row!.n) >= item.wanted;
  }
}
