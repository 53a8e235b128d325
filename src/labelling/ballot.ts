import { randomBytes } from 'node:crypto';
import { badInput, createRandom, shownValue, type PreftuneError } from '../core/index.ts';
import { sql, type SqlStatement } from '../database/index.ts';
import { outcomeOf, type Counts } from './outcome.ts';
import type { Ballot, Campaign, Item, ItemStatus, Reservation, VoteRecord } from './records.ts';

export type NewVote = Omit<VoteRecord, 'seq' | 'undoneAt'>;

const MAX_EDIT = 2 ** 20;

/** The coin of a person and an item; asked a second time, the sides are the other way round. */
export function leftOf({ seed }: Pick<Campaign, 'seed'>, item: Item, annotator: string, isRepeat: boolean): string {
  const coin = createRandom(seed, `side ${item.id} ${annotator}`).nextInt(2);
  return item.answers[isRepeat ? 1 - coin : coin]!.id;
}

/** Votes that count towards an item. */
export function countedVotes(votes: readonly VoteRecord[]): VoteRecord[] {
  return votes.filter(
    ({ isCounted, undoneAt, verdict, source }) =>
      isCounted && undoneAt === undefined && verdict !== 'skip' && source === 'person',
  );
}

/** Votes for the first answer, for the second, for neither. */
export function countsOf(item: Pick<Item, 'answers'>, votes: readonly VoteRecord[]): Counts {
  const of = (id: string): number => votes.filter(({ betterId }) => betterId === id).length;
  const [first, second] = [of(item.answers[0].id), of(item.answers[1].id)];
  return [first, second, votes.length - first - second];
}

export function stateOf(
  campaign: Campaign,
  item: Item,
  votes: readonly VoteRecord[],
): { readonly count: number; readonly status: ItemStatus; readonly wanted: number } {
  const counted = countedVotes(votes);
  const standing = votes.filter(({ undoneAt, source }) => undoneAt === undefined && source === 'person');
  const { isComplete, isDisputed, wanted } = outcomeOf(countsOf(item, counted), campaign.settings);
  const count = counted.length;
  if (item.status === 'adjudicated' || item.status === 'removed' || item.status === 'waiting')
    return { count, status: item.status, wanted };
  const unseen = standing.filter(({ createdAt }) => item.reviewedAt === undefined || createdAt > item.reviewedAt);
  const isFlagged = unseen.some(({ flags }) => flags.includes('pii') || flags.includes('broken'));
  const skips = unseen.filter(({ verdict, isRepeat }) => verdict === 'skip' && !isRepeat).length;
  if (isFlagged || (item.gold === undefined && skips >= campaign.settings.most_skips && !isComplete))
    return { count, status: 'held', wanted };
  if (item.gold !== undefined || !isComplete) return { count, status: 'open', wanted };
  return { count, status: isDisputed ? 'disputed' : 'settled', wanted };
}

export function requireBallot(item: Item, { verdict, betterId, strength, edit, skipReason }: Ballot): void {
  const problems = [];
  const ids = item.answers.map(({ id }) => id);
  if (verdict === 'better' && (betterId === undefined || !ids.includes(betterId)))
    problems.push({
      path: 'better',
      message: `better: must be the id of one of the item's answers (${ids.join(', ')}), got ${shownValue(betterId ?? null)}`,
    });
  if (verdict !== 'better' && (betterId !== undefined || strength !== undefined))
    problems.push({ path: 'better', message: `better: goes with the verdict better alone, got it with ${verdict}` });
  if (verdict === 'skip' && (skipReason === undefined || skipReason.trim() === ''))
    problems.push({ path: 'reason', message: 'reason: must say why the item is skipped, got none' });
  if (edit !== undefined && !ids.includes(edit.answerId))
    problems.push({
      path: 'edit.answer',
      message: `edit.answer: must be the id of one of the item's answers (${ids.join(', ')}), got ${shownValue(edit.answerId)}`,
    });
  if (edit !== undefined && (edit.text.trim() === '' || edit.text.length > MAX_EDIT))
    problems.push({
      path: 'edit.text',
      message: `edit.text: must be a text that is not empty, of at most ${MAX_EDIT} characters, got ${edit.text.length}`,
    });
  if (problems.length > 0) throw badInput(problems);
}

export function notYours(): PreftuneError {
  return badInput({ path: 'reservation', message: "reservation: must be the caller's own, and of this item" });
}

/** The ballot as it is kept: strength where it says which is better, texts cleaned where notes are about people. */
export function ballotOf(ballot: Ballot, cleanText: (text: string) => string) {
  const { verdict, betterId, strength, edit, note, tags = [], flags = [], skipReason, seconds } = ballot;
  const said = note === undefined || note.trim() === '' ? undefined : cleanText(note);
  return {
    verdict,
    betterId,
    strength: verdict === 'better' ? (strength ?? 1) : undefined,
    edit,
    note: said,
    tags: [...new Set(tags)],
    flags: [...new Set(flags)],
    skipReason: verdict === 'skip' ? skipReason : undefined,
    seconds,
  } as const;
}

export function isSame(vote: VoteRecord, ballot: ReturnType<typeof ballotOf>): boolean {
  return keyOf(vote) === keyOf(ballot);
}

function keyOf({ verdict, betterId, strength, edit, note, tags, flags, skipReason }: Ballot): string {
  return JSON.stringify([verdict, betterId, strength, edit?.answerId, edit?.text, note, tags, flags, skipReason]);
}

/** No more than have passed since the item was given out: a timer that ran somewhere else, or was made up, is cut. */
export function secondsOf(
  told: number | undefined,
  reservation: Reservation | undefined,
  at: number,
): number | undefined {
  const known = Math.max(told ?? 0, reservation?.seconds ?? 0);
  if (known === 0) return undefined;
  return reservation === undefined ? known : Math.min(known, reservation.seconds + (at - reservation.createdAt) / 1000);
}

/** The item as its votes have it, and the statement that says so. */
export function settled(campaign: Campaign, item: Item, votes: readonly VoteRecord[]): SqlStatement {
  const { count, status, wanted } = stateOf(campaign, item, votes);
  return sql('UPDATE label_items SET votes = ?, wanted = ?, status = ? WHERE id = ?', count, wanted, status, item.id);
}

/** A vote as it is written. */
export function insertVote(vote: NewVote): SqlStatement {
  return sql(
    `INSERT INTO label_votes (id, reservation_id, campaign_id, item_id, annotator, source, created_at, is_counted, is_repeat, verdict, better_id, strength, left_id,
       confidence, edited_id, edited_text, note, tags, flags, skip_reason, seconds, guideline_version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    vote.id,
    vote.reservationId,
    vote.campaignId,
    vote.itemId,
    vote.annotator,
    vote.source,
    vote.createdAt,
    vote.isCounted ? 1 : 0,
    vote.isRepeat ? 1 : 0,
    vote.verdict,
    vote.betterId,
    vote.strength,
    vote.leftId,
    vote.confidence,
    vote.edit?.answerId,
    vote.edit?.text,
    vote.note,
    JSON.stringify(vote.tags),
    JSON.stringify(vote.flags),
    vote.skipReason,
    vote.seconds,
    vote.guidelineVersion,
  );
}

/** What every vote on an item begins with. */
export function freshVote(
  campaign: Campaign,
  item: Item,
  {
    ballot,
    at,
    cleanText,
  }: { readonly ballot: Ballot; readonly at: number; readonly cleanText: (text: string) => string },
) {
  return {
    id: `vote_${randomBytes(9).toString('hex')}`,
    campaignId: campaign.id,
    itemId: item.id,
    createdAt: at,
    confidence: undefined,
    ...ballotOf(ballot, cleanText),
    guidelineVersion: campaign.guidelineVersion,
  };
}
