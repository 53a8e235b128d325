import { listing, table, percent, wrap } from '../../core/index.ts';
import type { Interval } from '../../statistics/index.ts';
import { verdictSentence } from '../../monitor/index.ts';
import { evaluationSentences } from '../behaviour/evaluation-text.ts';
import type { Measured } from './measure.ts';
import type { RunStory } from './run-story.ts';
import type { Standing, Standings } from './standings.ts';

/** What came of a comparison, for somebody who decides. */
export interface CompareVerdict {
  readonly tone: 'good' | 'bad' | 'neutral';
  readonly text: string;
  readonly detail: string;
}

/** An answer is called longer or shorter beyond this. */
const LENGTH_MATTERS = 1.1;

/** 95 % or 97.5 %: the share of intervals that hold. */
export function levelText(level: number): string {
  return `${Number((100 * level).toFixed(1))} %`;
}

/** In whole percent; in tenths where a bound would be taken for one half, since that is what verdicts turn on. */
function range({ low, high }: Interval): string {
  const digits = [low, high].some((bound) => Math.round(100 * bound) === 50) ? 1 : 0;
  return `${(100 * low).toFixed(digits)} to ${(100 * high).toFixed(digits)}`;
}

/** Whether a win rate is told from one half: its interval leaves one half out. */
export function outcomeOf({ winRate: rate }: Standing): 'better' | 'worse' | 'unclear' {
  const interval = rate?.interval ?? undefined;
  if (interval === undefined) return 'unclear';
  return interval.low > 0.5 ? 'better' : interval.high < 0.5 ? 'worse' : 'unclear';
}

/** A contestant against the first, in words. */
export function verdictOfPair(standing: Standing, level: number): CompareVerdict {
  const { model, baseline, winRate: rate, withoutVerdict } = standing;
  const missing = withoutVerdict > 0 ? [`${withoutVerdict} comparisons have no verdict.`] : [];
  if (rate === null)
    return {
      tone: 'neutral',
      text: `Cannot tell ${model} from ${baseline}: no comparison has a verdict.`,
      detail: missing.join(' '),
    };
  const outcome = outcomeOf(standing);
  const figures = `it wins ${percent(rate.rate, 0)}${rate.interval === null ? '' : ` (${levelText(level)} ${range(rate.interval)})`} of ${rate.count} comparisons on ${rate.clusters} prompts`;
  const detail = [...lengthSentences(standing), ...needSentences(standing), ...missing].join(' ');
  if (outcome === 'unclear')
    return { tone: 'neutral', text: `Cannot tell ${model} from ${baseline}: ${figures}.`, detail };
  return {
    tone: outcome === 'better' ? 'good' : 'bad',
    text: `${model} is ${outcome} than ${baseline}: ${figures}.`,
    detail,
  };
}

function lengthSentences({ lengthRatio, lengthControlled, winRate: rate }: Standing): string[] {
  if (lengthControlled === null || rate === null) return [];
  const isLonger = lengthRatio >= LENGTH_MATTERS;
  if (!isLonger && lengthRatio > 1 / LENGTH_MATTERS) return [];
  const much = isLonger ? lengthRatio - 1 : 1 - lengthRatio;
  const at = `at equal length it would win ${percent(lengthControlled.rate, 0)}${lengthControlled.interval === null ? '' : ` (${range(lengthControlled.interval)})`}`;
  const { interval } = lengthControlled;
  const isExplained =
    interval !== null && rate.interval !== null && rate.interval.low > 0.5 && isLonger && interval.low <= 0.5;
  const what = isExplained ? 'so length may be all that was preferred' : undefined;
  return [
    `Its answers are ${percent(much, 0)} ${isLonger ? 'longer' : 'shorter'}; ${at}${what === undefined ? '' : `, ${what}`}.`,
  ];
}

function needSentences(standing: Standing): string[] {
  const { winRate: rate, promptsNeeded, smallestEffect } = standing;
  if (outcomeOf(standing) !== 'unclear' || rate === null) return [];
  const seen =
    smallestEffect === null
      ? 'So few prompts show no difference at all.'
      : `These ${rate.clusters} prompts show a difference of ${percent(smallestEffect, 0)} from one half or more, 8 times of 10.`;
  if (promptsNeeded === null || promptsNeeded <= rate.clusters) return [seen];
  return [
    seen,
    `To be sure of a win rate of ${percent(rate.rate, 0)}, about ${promptsNeeded.toLocaleString('en-US')} prompts are needed.`,
  ];
}

/** The comparison's headline: of two contestants their verdict, of more the best rated one's. */
export function headlineOf({ pairs, ratings, level }: Standings): CompareVerdict {
  if (pairs.length === 1 || ratings === null) {
    const best = pairs.toSorted((a, b) => (b.winRate?.rate ?? 0) - (a.winRate?.rate ?? 0))[0]!;
    return verdictOfPair(best, level);
  }
  const [first, second] = ratings.toSorted((a, b) => b.rating - a.rating);
  const isAhead = first!.interval !== null && second!.interval !== null && first!.interval.low > second!.interval.high;
  const baseline = pairs[0]!.baseline;
  const own = pairs.find(({ model }) => model === first!.name);
  const detail = own === undefined ? '' : verdictOfPair(own, level).text;
  const rated = `${first!.name} (${first!.rating.toFixed(0)}) before ${second!.name} (${second!.rating.toFixed(0)})`;
  return isAhead
    ? {
        tone: first!.name === baseline ? 'bad' : 'good',
        text: `${first!.name} is the best: ${rated}, their intervals apart.`,
        detail,
      }
    : { tone: 'neutral', text: `Cannot tell which is the best: ${rated}, their intervals overlap.`, detail };
}

/** What was measured of each model beside the first, and what the checks say of each run: sentences for the terminal. */
export function renderMeasured(measured: readonly Measured[], stories: readonly RunStory[], width: number): string {
  const blocks = [
    ...measured.map(({ name, reference, evaluation }) => [
      `${name} beside ${reference}:`,
      ...evaluationSentences(evaluation).flatMap((text) => listing([['-', text]], width)),
    ]),
    ...stories.flatMap(({ name, verdict }) =>
      verdict === undefined ? [] : [wrapped(`Training of ${name}: ${verdictSentence(verdict)}`, width)],
    ),
  ];
  return blocks.map((lines) => lines.join('\n')).join('\n\n');
}

/** Verdicts and tables for the terminal. */
export function renderStandings(standings: Standings, width: number): string {
  const { pairs, ratings, agreement, level } = standings;
  const verdicts = pairs.map((pair) => verdictOfPair(pair, level));
  const blocks: string[][] = [
    [
      ...(pairs.length > 1 ? [headlineOf(standings).text] : []),
      ...verdicts.flatMap(({ text, detail }) => [text, ...(detail === '' ? [] : [`  ${detail}`])]),
    ].flatMap((line) => wrapped(line, width)),
    table(
      [
        ['against the first', 'win rate, %', levelText(level), 'at equal length', 'won', 'tied', 'lost', 'sign test'],
        ...pairs.map(({ model, winRate: rate, lengthControlled }) => [
          model,
          rate === null ? '-' : (100 * rate.rate).toFixed(1),
          rate?.interval ? range(rate.interval) : '-',
          lengthControlled === null ? '-' : (100 * lengthControlled.rate).toFixed(1),
          String(rate?.wins ?? 0),
          String(rate?.ties ?? 0),
          String(rate?.losses ?? 0),
          rate?.signTest ? `p ${showP(rate.signTest.p)}` : '-',
        ]),
      ],
      width,
    ),
  ];
  if (ratings !== null)
    blocks.push(
      table(
        [
          ['Bradley-Terry', 'rating', '95 %', 'rank'],
          ...ratings
            .toSorted((a, b) => b.rating - a.rating)
            .map(({ name, rating, interval, rank }) => [
              name,
              rating.toFixed(0),
              interval === null ? '-' : `${interval.low.toFixed(0)} to ${interval.high.toFixed(0)}`,
              rank === null ? '-' : String(rank),
            ]),
        ],
        width,
      ),
    );
  for (const { model, atK } of pairs)
    if (atK.length > 0)
      blocks.push(
        table(
          [
            [`${model}, any of K`, 'wins, %', levelText(level), 'against itself'],
            ...atK.map(({ rate, interval, selfPlay }, i) => [
              `K = ${i + 1}`,
              (100 * rate).toFixed(1),
              interval === null ? '-' : range(interval),
              (100 * selfPlay).toFixed(1),
            ]),
          ],
          width,
        ),
      );
  if (agreement.length > 0)
    blocks.push(
      table(
        [
          ['judges', 'agree, %', 'kappa', 'matches'],
          ...agreement.map(({ judges, share, kappa, matches }) => [
            judges.join(', '),
            (100 * share).toFixed(1),
            kappa === null ? 'not defined' : kappa.toFixed(2),
            String(matches),
          ]),
        ],
        width,
      ),
    );
  return blocks.map((lines) => lines.join('\n')).join('\n\n');
}

function showP(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** Lines below the first of a sentence stand two spaces further right. */
function wrapped(line: string, width: number): string[] {
  const indent = /^ */.exec(line)![0];
  return wrap(line.trim(), width, { first: indent, rest: `${indent}  `, keepsWords: true });
}
