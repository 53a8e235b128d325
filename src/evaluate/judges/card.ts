import { bootstrap, cohenKappa, wilsonInterval, type Interval } from '../../statistics/index.ts';
import { answerText, contentKey, type Comparison, type Judgement, type Verdict, votesOf } from '../../judge/index.ts';
import { type Usage, addUsage } from '../../ask/index.ts';

/** A comparison that people decided, and what a judge says of it. */
export interface CardRow {
  readonly comparison: Comparison;
  readonly human: Verdict;
  readonly judgement: Judgement;
  /** Who wrote the answers, where it is known. */
  readonly models?: { readonly a?: string | undefined; readonly b?: string | undefined };
}

/** A share with its 95 % interval (Wilson); null where nothing counts. */
export interface Share {
  readonly share: number | null;
  readonly interval: Interval | null;
  readonly of: number;
}

/** How a judge compares with people. */
export interface JudgeCard {
  readonly judge: string;
  readonly rows: number;
  /** Rows without a verdict, by reason; they are left out of everything below. */
  readonly noVerdict: Readonly<Record<string, number>>;
  /** What was said the first time that each of these reasons came. */
  readonly noVerdictMessages: Readonly<Record<string, string>>;
  /** Same verdict, ties included. */
  readonly agreement: Share;
  /** Of rows in which neither side says tie. */
  readonly agreementDecided: Share;
  /** Cohen's kappa over a, b, tie; the interval by bootstrap over prompts. Null where degenerate. */
  readonly kappa: { readonly value: number | null; readonly interval: Interval | null };
  readonly ties: { readonly judge: Share; readonly human: Share };
  /** Single questions with a winner: how often the answer shown first won. 0.5 is no bias. */
  readonly firstChosen: Share;
  /** Comparisons asked in both orders that contradicted themselves. */
  readonly inconsistent: Share;
  /** Of decided rows with answers of different length: the longer one is preferred, by the judge and by people on the same rows. */
  readonly longerChosen: { readonly judge: Share; readonly human: Share };
  /** Rows in which one answer is the judge's own model's: it is preferred. Null where no row has such an answer. */
  readonly ownChosen: { readonly judge: Share; readonly human: Share } | null;
  /** Agreement between the members of a panel, each two. */
  readonly members: readonly {
    readonly judges: readonly [string, string];
    readonly agreement: Share;
    readonly kappa: number | null;
  }[];
  readonly usage: Usage;
}

export interface CardOptions {
  /** Names under which the judge's own answers stand in `models`. Default: its name. */
  readonly ownModels?: readonly string[];
  /** Of the bootstrap. Default 0. */
  readonly seed?: number;
}

const CODES: Readonly<Record<Verdict, number>> = { a: 0, b: 1, tie: 2 };
type Judged = CardRow & { readonly judgement: Judgement & { kind: 'verdict' } };

/** The card of one judge (or panel) over rows that people decided. Source: AlpacaEval's evaluator metrics; MT-bench, section 4. */
export function judgeCard(
  judge: string,
  rows: readonly CardRow[],
  { ownModels = [judge], seed = 0 }: CardOptions = {},
): JudgeCard {
  const judged = rows.filter((row): row is Judged => row.judgement.kind === 'verdict');
  const noVerdict: Record<string, number> = {};
  const noVerdictMessages: Record<string, string> = {};
  for (const { judgement } of rows) {
    if (judgement.kind !== 'none') continue;
    noVerdict[judgement.reason] = (noVerdict[judgement.reason] ?? 0) + 1;
    noVerdictMessages[judgement.reason] ??= judgement.message;
  }
  const decided = judged.filter((row) => row.human !== 'tie' && row.judgement.verdict !== 'tie');
  const calls = rows.flatMap(({ judgement }) => judgement.calls);
  const winners = calls.filter(({ verdict }) => verdict === 'a' || verdict === 'b');
  const ordered = judged.filter(({ judgement }) => judgement.isConsistent !== undefined && judgement.calls.length > 0);
  return {
    judge,
    rows: rows.length,
    noVerdict,
    noVerdictMessages,
    agreement: shareOf(judged, ({ human, judgement }) => human === judgement.verdict),
    agreementDecided: shareOf(decided, ({ human, judgement }) => human === judgement.verdict),
    kappa: kappaOf(judged, seed),
    ties: {
      judge: shareOf(judged, ({ judgement }) => judgement.verdict === 'tie'),
      human: shareOf(judged, ({ human }) => human === 'tie'),
    },
    firstChosen: shareOf(winners, ({ first, verdict }) => first === verdict),
    inconsistent: shareOf(ordered, ({ judgement }) => judgement.isConsistent === false),
    longerChosen: preferenceFor(judged, longerSide),
    ownChosen: ownPreference(judged, ownModels),
    members: memberAgreement(judged),
    usage: addUsage(rows.map(({ judgement }) => judgement.usage)),
  };
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): Share {
  const count = items.filter(holds).length;
  const share = items.length === 0 ? null : count / items.length;
  return { share, interval: wilsonInterval(count, items.length), of: items.length };
}

/** Rows of one prompt are not independent, so whole prompts are drawn. */
function kappaOf(rows: readonly Judged[], seed: number): JudgeCard['kappa'] {
  const human = rows.map((row) => CODES[row.human]);
  const judge = rows.map(({ judgement }) => CODES[judgement.verdict]);
  const clusters = rows.map(({ comparison }) => contentKey(comparison.prompt));
  const { estimate, interval } = bootstrap(rows.length, (items) => cohenKappa(at(human, items), at(judge, items)), {
    seed,
    clusters,
  });
  return { value: estimate, interval };
}

function at(values: readonly number[], items: Int32Array): number[] {
  return Array.from(items, (item) => values[item]!);
}

/** How often the judge, and people, prefer the side that `sideOf` names, in rows where it names one; each over the rows that it decides. */
function preferenceFor(
  rows: readonly Judged[],
  sideOf: (row: Judged) => 'a' | 'b' | undefined,
): { readonly judge: Share; readonly human: Share } {
  const withSide = rows.filter((row) => sideOf(row) !== undefined);
  return {
    judge: shareOf(
      withSide.filter(({ judgement }) => judgement.verdict !== 'tie'),
      (row) => row.judgement.verdict === sideOf(row),
    ),
    human: shareOf(
      withSide.filter(({ human }) => human !== 'tie'),
      (row) => row.human === sideOf(row),
    ),
  };
}

function longerSide({ comparison }: Judged): 'a' | 'b' | undefined {
  const difference = answerText(comparison.a).length - answerText(comparison.b).length;
  return difference === 0 ? undefined : difference > 0 ? 'a' : 'b';
}

function ownPreference(rows: readonly Judged[], ownModels: readonly string[]): JudgeCard['ownChosen'] {
  const isOwn = (model: string | undefined): boolean => model !== undefined && ownModels.includes(model);
  const side = ({ models }: Judged): 'a' | 'b' | undefined =>
    isOwn(models?.a) === isOwn(models?.b) ? undefined : isOwn(models?.a) ? 'a' : 'b';
  return rows.some((row) => side(row) !== undefined) ? preferenceFor(rows, side) : null;
}

function memberAgreement(rows: readonly Judged[]): JudgeCard['members'] {
  const votes = rows.map(({ judgement }) => votesOf(judgement));
  const names = votes[0]?.map(({ judge }) => judge) ?? [];
  return names.flatMap((first, i) =>
    names.slice(i + 1).map((second, k) => {
      const both = votes.flatMap((row) => {
        const [x, y] = [row[i]?.verdict, row[i + 1 + k]?.verdict];
        return x === undefined || y === undefined ? [] : [[CODES[x], CODES[y]] as const];
      });
      const kappa = cohenKappa(
        both.map(([x]) => x),
        both.map(([, y]) => y),
      );
      return { judges: [first, second] as const, agreement: shareOf(both, ([x, y]) => x === y), kappa };
    }),
  );
}
