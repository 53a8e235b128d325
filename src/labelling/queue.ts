import { badInput, shownValue } from '../core/index.ts';
import { parseRows, sql } from '../database/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import { createAssigning, type Assignment } from './assign.ts';
import {
  ballotOf,
  freshVote,
  insertVote,
  isSame,
  leftOf,
  notYours,
  requireBallot,
  secondsOf,
  settled,
  stateOf,
  type NewVote,
} from './ballot.ts';
import {
  ITEM_ROW,
  RESERVATION_ROW,
  VOTE_ROW,
  type Ballot,
  type Campaign,
  type Item,
  type Reservation,
  type VoteRecord,
} from './records.ts';

export type NothingLeft = 'closed' | 'nothing_for_you' | 'all_done';

export interface NextItems {
  readonly assignments: readonly Assignment[];
  /** Why there are fewer than were asked for. */
  readonly nothing: NothingLeft | undefined;
}

export type VoteResult =
  | { readonly kind: 'kept'; readonly vote: VoteRecord; readonly item: Item; readonly why?: string }
  /** The same vote came before. */
  | { readonly kind: 'again'; readonly vote: VoteRecord; readonly item: Item }
  /** Another vote of this person on this item stands. */
  | { readonly kind: 'other'; readonly vote: VoteRecord }
  | { readonly kind: 'gone' };

export interface VoteInput extends Ballot {
  readonly campaign: Campaign;
  readonly itemId: string;
  readonly reservationId?: string | undefined;
  readonly annotator: string;
}

export interface Queue {
  /** Items of the person, those first that are the person's already; `count` at most. Asking again without a vote gives the same ones. */
  next(campaign: Campaign, annotator: string, count: number): Promise<NextItems>;
  /** Throws bad-input for a ballot that cannot be. What was worked on is never thrown away: what comes too late is kept beside. */
  vote(input: VoteInput): Promise<VoteResult>;
  /** Takes one of the person's last twenty votes back, by default the last, and gives its item again; undefined where there is none. */
  undo(campaign: Campaign, annotator: string, voteId?: string): Promise<Assignment | undefined>;
  /** Prolongs reservations of the person; those that are somebody else's meanwhile, or gone, are not in the answer. */
  heartbeat(
    annotator: string,
    beats: readonly { readonly id: string; readonly seconds?: number | undefined }[],
  ): Promise<readonly Reservation[]>;
  /** Gives items back that were reserved and not seen. */
  release(annotator: string, ids: readonly string[]): Promise<void>;
  /** A vote that decides, an item that is asked again, or one that is taken out. */
  adjudicate(
    campaign: Campaign,
    itemId: string,
    decision: (Ballot & { readonly by: string }) | 'reopen' | 'remove',
  ): Promise<Item | undefined>;
  /** Verdicts of a judge: one of each on an item. */
  judge(
    campaign: Campaign,
    judge: string,
    verdicts: readonly (Ballot & { readonly itemId: string; readonly confidence?: number | undefined })[],
  ): Promise<number>;
  item(id: string): Promise<Item | undefined>;
  votesOf(itemId: string): Promise<readonly VoteRecord[]>;
}

const MOST_UNDONE = 20;

export function createQueue(room: LedgerRoom): Queue {
  const { database, now, cleanText } = room;
  /** What reads and then writes does so alone. One process has the store. */
  let last: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  const itemOf = async (id: string): Promise<Item | undefined> =>
    parseRows(ITEM_ROW, await database.read(sql('SELECT * FROM label_items WHERE id = ?', id)))[0];
  const votesOf = async (itemId: string): Promise<VoteRecord[]> =>
    parseRows(VOTE_ROW, await database.read(sql('SELECT * FROM label_votes WHERE item_id = ? ORDER BY seq', itemId)));
  const { reservationsOf, reserve, assign, askedOf, hasOpen, isTaken } = createAssigning(room, itemOf);
  const fresh = (campaign: Campaign, item: Item, ballot: Ballot) =>
    freshVote(campaign, item, { ballot, at: now(), cleanText });

  return {
    item: itemOf,
    votesOf,
    next: (campaign, annotator, count) =>
      alone(async () => {
        if (!campaign.isOpen) return { assignments: [], nothing: 'closed' };
        const mine = await reservationsOf(campaign.id, annotator);
        const assignments: Assignment[] = [];
        for (const reservation of mine) {
          const item = await itemOf(reservation.itemId);
          if (item === undefined) continue;
          const previous = takenBack(reservation, await votesOf(item.id));
          const isAsked = item.status === 'open' || reservation.isRepeat || previous !== undefined;
          if (isAsked && item.status !== 'removed' && item.status !== 'held')
            assignments.push({ item, reservation, previous });
        }
        const asked = await askedOf(campaign, annotator);
        while (assignments.length < count) {
          const assignment = await assign(campaign, annotator, asked + assignments.length);
          if (assignment === undefined) break;
          assignments.push(assignment);
        }
        const given = assignments.slice(0, count);
        const until = now() + campaign.settings.reserve_minutes * 60_000;
        await database.write(
          given.map(({ reservation }) =>
            sql('UPDATE label_reservations SET expires_at = ? WHERE id = ?', until, reservation.id),
          ),
        );
        return {
          assignments: given.map((each) => ({ ...each, reservation: { ...each.reservation, expiresAt: until } })),
          nothing: given.length === count ? undefined : (await hasOpen(campaign.id)) ? 'nothing_for_you' : 'all_done',
        };
      }),

    vote: (input) =>
      alone(async () => {
        const { campaign, itemId, reservationId, annotator } = input;
        const item = await itemOf(itemId);
        if (item === undefined || item.campaignId !== campaign.id) return { kind: 'gone' };
        requireBallot(item, input);
        const votes = await votesOf(itemId);
        const again = votes.find((vote) => reservationId !== undefined && vote.reservationId === reservationId);
        if (again !== undefined && again.annotator !== annotator) throw notYours();
        if (again !== undefined)
          return isSame(again, ballotOf(input, cleanText))
            ? { kind: 'again', vote: again, item }
            : { kind: 'other', vote: again };
        const [reservation] =
          reservationId === undefined
            ? []
            : parseRows(
                RESERVATION_ROW,
                await database.read(sql('SELECT * FROM label_reservations WHERE id = ?', reservationId)),
              );
        if (reservation !== undefined && (reservation.annotator !== annotator || reservation.itemId !== itemId))
          throw notYours();
        const isRepeat = reservation?.isRepeat ?? false;
        const standing = votes.find(
          (vote) =>
            vote.annotator === annotator &&
            vote.source === 'person' &&
            vote.undoneAt === undefined &&
            vote.isRepeat === isRepeat,
        );
        if (standing !== undefined)
          return isSame(standing, ballotOf(input, cleanText))
            ? { kind: 'again', vote: standing, item }
            : { kind: 'other', vote: standing };
        const at = now();
        const isLive = reservation !== undefined && reservation.expiresAt > at;
        const why = isRepeat ? undefined : await whyBeside(campaign, item, { isLive, annotator });
        const vote: NewVote = {
          ...fresh(campaign, item, input),
          reservationId,
          annotator,
          source: 'person',
          isCounted: why === undefined && !isRepeat,
          isRepeat,
          leftId: reservation?.leftId ?? leftOf(campaign, item, annotator, isRepeat),
          seconds: secondsOf(input.seconds, reservation, at),
        };
        const full: VoteRecord = { ...vote, seq: Infinity, undoneAt: undefined };
        await database.write([
          insertVote(vote),
          sql('DELETE FROM label_reservations WHERE item_id = ? AND annotator = ?', itemId, annotator),
          settled(campaign, item, [...votes, full]),
        ]);
        return { kind: 'kept', vote: full, item: (await itemOf(itemId))!, ...(why !== undefined && { why }) };
      }),

    undo: (campaign, annotator, voteId) =>
      alone(async () => {
        const rows = parseRows(
          VOTE_ROW,
          await database.read(
            sql(
              `SELECT * FROM label_votes WHERE annotator = ? AND campaign_id = ? AND source = 'person' AND undone_at IS NULL ORDER BY seq DESC LIMIT ${MOST_UNDONE}`,
              annotator,
              campaign.id,
            ),
          ),
        );
        const vote = voteId === undefined ? rows[0] : rows.find(({ id }) => id === voteId);
        const item = vote === undefined ? undefined : await itemOf(vote.itemId);
        if (vote === undefined || item === undefined) return undefined;
        const votes = await votesOf(item.id);
        const left = votes.map((each) => (each.id === vote.id ? { ...each, undoneAt: now() } : each));
        await database.write([
          sql('UPDATE label_votes SET undone_at = ? WHERE id = ?', now(), vote.id),
          settled(campaign, item, left),
        ]);
        const reservation = await reserve(campaign, annotator, item, {
          isRepeat: vote.isRepeat,
          leftId: vote.leftId ?? leftOf(campaign, item, annotator, vote.isRepeat),
          // Before everything that is reserved, and what was voted on earlier before what came later.
          place: vote.seq - Number.MAX_SAFE_INTEGER,
          seconds: vote.seconds ?? 0,
        });
        return { reservation, item: (await itemOf(item.id))!, previous: vote };
      }),

    heartbeat: (annotator, beats) =>
      alone(async () => {
        const kept: Reservation[] = [];
        for (const { id, seconds } of beats) {
          const [reservation] = parseRows(
            RESERVATION_ROW,
            await database.read(sql('SELECT * FROM label_reservations WHERE id = ? AND annotator = ?', id, annotator)),
          );
          const item = reservation && (await itemOf(reservation.itemId));
          if (reservation === undefined || item === undefined || item.status === 'removed') continue;
          const [campaign] = await database.read(
            sql('SELECT settings FROM label_campaigns WHERE id = ?', reservation.campaignId),
          );
          const isLive = reservation.expiresAt > now();
          if (!isLive && !reservation.isRepeat && item.gold === undefined && (await isTaken(item, annotator))) continue;
          const { reserve_minutes: minutes } = JSON.parse(String(campaign!.settings)) as Campaign['settings'];
          const prolonged = {
            ...reservation,
            expiresAt: now() + minutes * 60_000,
            seconds: Math.max(reservation.seconds, seconds ?? 0),
          };
          await database.write([
            sql(
              'UPDATE label_reservations SET expires_at = ?, seconds = ? WHERE id = ?',
              prolonged.expiresAt,
              prolonged.seconds,
              id,
            ),
          ]);
          kept.push(prolonged);
        }
        return kept;
      }),

    release: (annotator, ids) =>
      alone(async () => {
        await database.write(
          ids.map((id) => sql('DELETE FROM label_reservations WHERE id = ? AND annotator = ?', id, annotator)),
        );
      }),

    adjudicate: (campaign, itemId, decision) =>
      alone(async () => {
        const item = await itemOf(itemId);
        if (item === undefined || item.campaignId !== campaign.id) return undefined;
        const votes = await votesOf(itemId);
        const earlier = sql(
          "UPDATE label_votes SET undone_at = ? WHERE item_id = ? AND source = 'adjudicator' AND undone_at IS NULL",
          now(),
          itemId,
        );
        if (decision === 'remove') {
          await database.write([earlier, sql("UPDATE label_items SET status = 'removed' WHERE id = ?", itemId)]);
        } else if (decision === 'reopen') {
          // One more vote than there are, whatever they say.
          const { count, wanted } = stateOf(campaign, { ...item, status: 'open' }, votes);
          await database.write([
            earlier,
            sql("UPDATE label_items SET status = 'open', wanted = ? WHERE id = ?", Math.max(wanted, count + 1), itemId),
          ]);
        } else {
          requireBallot(item, decision);
          if (decision.verdict === 'skip')
            throw badInput({ path: 'verdict', message: 'verdict: must be better, tie or both_bad, got skip' });
          await database.write([
            earlier,
            insertVote({
              ...fresh(campaign, item, decision),
              reservationId: undefined,
              annotator: decision.by,
              source: 'adjudicator',
              isCounted: false,
              isRepeat: false,
              leftId: undefined,
            }),
            sql("UPDATE label_items SET status = 'adjudicated' WHERE id = ?", itemId),
          ]);
        }
        return itemOf(itemId);
      }),

    judge: (campaign, judge, verdicts) =>
      alone(async () => {
        const items = new Map<string, Item>();
        for (const verdict of verdicts) {
          const item = await itemOf(verdict.itemId);
          if (item === undefined || item.campaignId !== campaign.id)
            throw badInput({
              path: 'verdicts',
              message: `verdicts: must be of items of the campaign, got ${shownValue(verdict.itemId)}`,
            });
          requireBallot(item, verdict);
          items.set(item.id, item);
        }
        const at = now();
        await database.write(
          verdicts.flatMap((verdict) => [
            sql(
              "UPDATE label_votes SET undone_at = ? WHERE item_id = ? AND source = 'judge' AND annotator = ? AND undone_at IS NULL",
              at,
              verdict.itemId,
              judge,
            ),
            insertVote({
              ...fresh(campaign, items.get(verdict.itemId)!, verdict),
              confidence: verdict.confidence,
              reservationId: undefined,
              annotator: judge,
              source: 'judge',
              isCounted: false,
              isRepeat: false,
              leftId: undefined,
            }),
          ]),
        );
        return verdicts.length;
      }),
  };

  /** Why a vote is kept beside those that count; undefined where it counts. */
  async function whyBeside(
    campaign: Campaign,
    item: Item,
    { isLive, annotator }: { readonly isLive: boolean; readonly annotator: string },
  ): Promise<string | undefined> {
    if (item.status === 'removed') return 'the item was taken out of the campaign';
    if (item.gold !== undefined) return undefined;
    if (!campaign.isOpen) return 'the campaign is closed';
    if (item.status === 'adjudicated') return 'somebody has decided the item meanwhile';
    if (isLive) return undefined;
    if (item.status !== 'open' || (await isTaken(item, annotator)))
      return 'the time for it ran out and others have voted meanwhile';
    return undefined;
  }
}

function takenBack({ annotator, isRepeat }: Reservation, votes: readonly VoteRecord[]): VoteRecord | undefined {
  return votes.findLast(
    (vote) => vote.annotator === annotator && vote.isRepeat === isRepeat && vote.undoneAt !== undefined,
  );
}
