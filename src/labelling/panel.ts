import { parseRows, sql } from '../database/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import {
  bootstrap,
  cohenKappaInterval,
  krippendorffAlphaInterval,
  quantile,
  wilsonInterval,
  type Interval,
} from '../statistics/index.ts';
import { VOTE_ROW, type Campaign, type ItemStatus, type VoteRecord } from './records.ts';

/** A figure with its 95 % interval, and what it rests on. */
export interface LabelFigure {
  readonly estimate: number | null;
  readonly interval: Interval | null;
  readonly of: number;
}

export interface PersonFigures {
  /** HMAC of the name. */
  readonly annotator: string;
  readonly votes: number;
  readonly skips: number;
  readonly medianSeconds: number | null;
  readonly goldAccuracy: LabelFigure;
  /** Share of items that were asked a second time on which the person chose the same. */
  readonly selfAgreement: LabelFigure;
  readonly leftShare: LabelFigure;
  readonly longerShare: LabelFigure;
}

export interface Panel {
  readonly progress: Progress;
  /** Krippendorff's alpha of what was chosen (nominal), and of the five grades (ordinal). */
  readonly alpha: LabelFigure;
  readonly alphaOfGrades: LabelFigure;
  readonly kappas: readonly { readonly a: string; readonly b: string; readonly kappa: LabelFigure }[];
  readonly goldAccuracy: LabelFigure;
  readonly selfAgreement: LabelFigure;
  /** Share of decided votes for what stood on the left; one half is no bias. */
  readonly leftShare: LabelFigure;
  /** Share of decided votes for the longer answer, intervals over items. */
  readonly longerShare: LabelFigure;
  readonly medianSeconds: number | null;
  readonly people: readonly PersonFigures[];
  readonly judges: readonly { readonly judge: string; readonly agreement: LabelFigure }[];
}

export interface Progress {
  readonly items: number;
  /** Items that need no more votes. */
  readonly done: number;
  readonly byStatus: Readonly<Partial<Record<ItemStatus, number>>>;
  readonly votes: number;
  /** Votes that are still wanted; for adaptive overlap the fewest. */
  readonly wanted: number;
  /** Hours of one person, at the median time of a vote; null before the first. */
  readonly hoursLeft: number | null;
}

interface ItemFacts {
  readonly firstId: string;
  readonly secondId: string;
  readonly firstLength: number;
  readonly secondLength: number;
  readonly gold: string | undefined;
}

const SEED = 1;
/** Enough for an interval of two digits, few enough for a page that asks every few seconds. */
const RESAMPLES = 300;
const MOST_PAIRS = 45;

/** How far a campaign is. */
export async function progressOf({ database }: LedgerRoom, campaign: Campaign): Promise<Progress> {
  const [statuses, votes] = await database.readAll([
    sql(
      `SELECT status, count(*) AS n, sum(max(wanted - votes, 0)) AS missing FROM label_items WHERE campaign_id = ? AND gold IS NULL GROUP BY status`,
      campaign.id,
    ),
    sql(
      "SELECT seconds FROM label_votes WHERE campaign_id = ? AND source = 'person' AND undone_at IS NULL AND verdict <> 'skip' ORDER BY seq DESC",
      campaign.id,
    ),
  ]);
  const byStatus = Object.fromEntries(statuses!.map((row) => [String(row.status), Number(row.n)])) as Partial<
    Record<ItemStatus, number>
  >;
  const items = Object.values(byStatus).reduce((sum, n) => sum + n, 0) - (byStatus.removed ?? 0);
  const wanted = statuses!
    .filter(({ status }) => status === 'open' || status === 'waiting')
    .reduce((sum, row) => sum + Number(row.missing), 0);
  const seconds = votes!.flatMap((row) => (typeof row.seconds === 'number' ? [row.seconds] : []));
  const median = seconds.length === 0 ? null : quantile(seconds, 0.5);
  const asked = 1 - campaign.settings.gold_share - campaign.settings.repeat_share;
  return {
    items,
    done: (byStatus.settled ?? 0) + (byStatus.disputed ?? 0) + (byStatus.adjudicated ?? 0),
    byStatus,
    votes: votes!.length,
    wanted,
    hoursLeft: median === null ? null : (wanted / Math.max(asked, 0.1)) * (median / 3600),
  };
}

/** Everything that says how people label, of the votes that stand. Gold items and repeats count for their own figures alone. */
export async function panelOf(room: LedgerRoom, campaign: Campaign): Promise<Panel> {
  const progress = await progressOf(room, campaign);
  const [voteRows, itemRows] = await room.database.readAll([
    sql(
      `SELECT id, seq, reservation_id, campaign_id, item_id, annotator, source, created_at, undone_at, is_counted, is_repeat, verdict, better_id, strength, left_id, confidence,
       NULL AS edited_id, NULL AS edited_text, NULL AS note, tags, flags, skip_reason, seconds, guideline_version FROM label_votes
       WHERE campaign_id = ? AND undone_at IS NULL ORDER BY seq`,
      campaign.id,
    ),
    sql(
      'SELECT id, first_id, second_id, first_length, second_length, gold FROM label_items WHERE campaign_id = ?',
      campaign.id,
    ),
  ]);
  const items = new Map<string, ItemFacts>(
    itemRows!.map((row) => [
      String(row.id),
      {
        firstId: String(row.first_id),
        secondId: String(row.second_id),
        firstLength: Number(row.first_length),
        secondLength: Number(row.second_length),
        gold: row.gold === null ? undefined : String(row.gold),
      },
    ]),
  );
  return { progress, ...figuresOf(items, parseRows(VOTE_ROW, voteRows!)) };
}

/** The figures of votes that stand. */
export function figuresOf(
  items: ReadonlyMap<string, ItemFacts>,
  votes: readonly VoteRecord[],
): Omit<Panel, 'progress'> {
  const people = votes.filter(({ source, itemId }) => source === 'person' && items.has(itemId));
  const chosen = people.filter(({ verdict }) => verdict !== 'skip');
  const isGold = ({ itemId }: VoteRecord): boolean => items.get(itemId)!.gold !== undefined;
  const plain = chosen.filter((vote) => !vote.isRepeat && !isGold(vote));
  const byItem = groupBy(plain, ({ itemId }) => itemId);
  const names = [...new Set(people.map(({ annotator }) => annotator))];
  const choice = (vote: VoteRecord): number => choiceOf(vote, items.get(vote.itemId)!);
  const grade = (vote: VoteRecord): number => gradeOf(vote, items.get(vote.itemId)!);
  const alpha = (value: (vote: VoteRecord) => number, measurement: 'nominal' | 'ordinal'): LabelFigure => {
    const units = [...byItem.values()].filter((unit) => unit.length > 1).map((unit) => unit.map(value));
    return {
      ...krippendorffAlphaInterval(units, { measurement, seed: SEED, resamples: RESAMPLES }),
      of: units.length,
    };
  };
  const figures = (of: readonly VoteRecord[]) => ({
    goldAccuracy: shareOf(
      of.filter((vote) => vote.verdict !== 'skip' && !vote.isRepeat && isGold(vote)),
      (vote) => isRight(vote, items.get(vote.itemId)!),
    ),
    selfAgreement: selfAgreement(of, choice),
    leftShare: shareOf(
      of.filter(({ verdict, leftId }) => verdict === 'better' && leftId !== undefined),
      ({ betterId, leftId }) => betterId === leftId,
    ),
    longerShare: longerShare(of, items),
    medianSeconds: medianOf(of),
  });
  return {
    alpha: alpha(choice, 'nominal'),
    alphaOfGrades: alpha(grade, 'ordinal'),
    kappas: kappasOf(plain, names, choice),
    ...figures(people),
    people: names.map((annotator) => {
      const own = people.filter((vote) => vote.annotator === annotator);
      const skips = own.filter(({ verdict }) => verdict === 'skip').length;
      return { annotator, votes: own.length - skips, skips, ...figures(own) };
    }),
    judges: judgesOf(
      votes.filter((vote) => vote.source === 'judge' && items.has(vote.itemId)),
      byItem,
      choice,
    ),
  };
}

/** 0: the first answer, 1: the second, 2: a tie, 3: both bad. */
function choiceOf({ verdict, betterId }: VoteRecord, { firstId }: ItemFacts): number {
  if (verdict !== 'better') return verdict === 'tie' ? 2 : 3;
  return betterId === firstId ? 0 : 1;
}

/** 1: the first answer is much better, 3: neither is, 5: the second is much better. */
export function gradeOf(
  { verdict, betterId, strength = 1 }: Pick<VoteRecord, 'verdict' | 'betterId' | 'strength'>,
  { firstId }: Pick<ItemFacts, 'firstId'>,
): number {
  if (verdict !== 'better') return 3;
  return betterId === firstId ? 3 - strength : 3 + strength;
}

function isRight({ verdict, betterId }: VoteRecord, { gold }: ItemFacts): boolean {
  return verdict === 'better' ? betterId === gold : verdict === gold;
}

function shareOf(votes: readonly VoteRecord[], isHit: (vote: VoteRecord) => boolean): LabelFigure {
  const hits = votes.filter(isHit).length;
  return {
    estimate: votes.length === 0 ? null : hits / votes.length,
    interval: wilsonInterval(hits, votes.length),
    of: votes.length,
  };
}

function placeOf({ itemId, annotator }: VoteRecord): string {
  return `${annotator} ${itemId}`;
}

function selfAgreement(votes: readonly VoteRecord[], choice: (vote: VoteRecord) => number): LabelFigure {
  const chosen = votes.filter(({ verdict }) => verdict !== 'skip');
  const firsts = new Map(chosen.filter(({ isRepeat }) => !isRepeat).map((vote) => [placeOf(vote), vote]));
  const repeats = chosen.filter((vote) => vote.isRepeat && firsts.has(placeOf(vote)));
  return shareOf(repeats, (vote) => choice(vote) === choice(firsts.get(placeOf(vote))!));
}

/** Votes on one item are not independent: whole items are drawn again. */
function longerShare(votes: readonly VoteRecord[], items: ReadonlyMap<string, ItemFacts>): LabelFigure {
  const decided = votes.filter(({ verdict, itemId }) => {
    const { firstLength, secondLength } = items.get(itemId)!;
    return verdict === 'better' && firstLength !== secondLength;
  });
  const isLonger = decided.map(({ betterId, itemId }) => {
    const { firstId, firstLength, secondLength } = items.get(itemId)!;
    return (betterId === firstId) === firstLength > secondLength;
  });
  const { estimate, interval } = bootstrap(
    decided.length,
    (drawn) => (drawn.length === 0 ? null : drawn.reduce((sum, at) => sum + (isLonger[at]! ? 1 : 0), 0) / drawn.length),
    { seed: SEED, resamples: RESAMPLES, clusters: decided.map(({ itemId }) => itemId) },
  );
  return { estimate, interval, of: decided.length };
}

function medianOf(votes: readonly VoteRecord[]): number | null {
  const seconds = votes.flatMap((vote) =>
    vote.seconds === undefined || vote.verdict === 'skip' ? [] : [vote.seconds],
  );
  return seconds.length === 0 ? null : quantile(seconds, 0.5);
}

/** Cohen's kappa of every two people over the items that both voted on, those with the most first. */
function kappasOf(
  votes: readonly VoteRecord[],
  names: readonly string[],
  choice: (vote: VoteRecord) => number,
): Panel['kappas'] {
  const byPerson = new Map(
    names.map((name) => [
      name,
      new Map(votes.filter(({ annotator }) => annotator === name).map((vote) => [vote.itemId, choice(vote)])),
    ]),
  );
  const pairs = names.flatMap((a, i) =>
    names.slice(i + 1).map((b) => {
      const [left, right] = [byPerson.get(a)!, byPerson.get(b)!];
      return { a, b, shared: [...left.keys()].filter((item) => right.has(item)) };
    }),
  );
  return pairs
    .filter(({ shared }) => shared.length > 0)
    .toSorted((x, y) => y.shared.length - x.shared.length)
    .slice(0, MOST_PAIRS)
    .map(({ a, b, shared }) => {
      const of = (name: string): number[] => shared.map((item) => byPerson.get(name)!.get(item)!);
      const { estimate, interval } = cohenKappaInterval(of(a), of(b), { seed: SEED, resamples: RESAMPLES });
      return { a, b, kappa: { estimate, interval, of: shared.length } };
    });
}

/** How often a judge says what most people say, of the items on which most people say one thing. */
function judgesOf(
  verdicts: readonly VoteRecord[],
  byItem: ReadonlyMap<string, readonly VoteRecord[]>,
  choice: (vote: VoteRecord) => number,
): Panel['judges'] {
  return [...groupBy(verdicts, ({ annotator }) => annotator)].map(([judge, own]) => {
    const comparable = own.flatMap((vote) => {
      const most = mostOf((byItem.get(vote.itemId) ?? []).map(choice));
      return most === undefined ? [] : [{ vote, most }];
    });
    const right = new Set(comparable.filter(({ vote, most }) => choice(vote) === most).map(({ vote }) => vote));
    return {
      judge,
      agreement: shareOf(
        comparable.map(({ vote }) => vote),
        (vote) => right.has(vote),
      ),
    };
  });
}

/** What is named more often than anything else. */
function mostOf(choices: readonly number[]): number | undefined {
  const counts = [...groupBy(choices, (each) => each)].map(([value, all]) => ({ value, n: all.length }));
  const [best, next] = counts.toSorted((a, b) => b.n - a.n);
  return best === undefined || best.n === next?.n ? undefined : best.value;
}

function groupBy<T, K>(values: readonly T[], key: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group === undefined) groups.set(key(value), [value]);
    else group.push(value);
  }
  return groups;
}
