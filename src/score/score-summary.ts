import { meanOf, variance, winRate, type Interval, tieAsHalf } from '../statistics/index.ts';
import { implicitReward, type RewardForm } from '../objectives/index.ts';
import { rewardBenchScore, type RewardBenchScore } from './reward-bench.ts';

/** One pair under a model. Log-probabilities are sums over an answer, in nats. */
export interface PairScore {
  readonly id: string;
  /** What the row says it comes from. */
  readonly source?: string;
  /** Scored tokens of answers of several turns are the assistant's. */
  readonly tokens: { readonly prompt: number; readonly chosen: number; readonly rejected: number };
  readonly chosenLogps: number;
  readonly rejectedLogps: number;
  /** Absent without a reference. */
  readonly referenceChosenLogps?: number;
  readonly referenceRejectedLogps?: number;
}

/** By what answers are compared: an objective's reward, or, without one, the log-probability or its mean over tokens. */
export type ScoreMeasure = 'reward' | 'logps' | 'mean-logps';

/** How the chosen answers of some pairs fare. */
export interface PairGroup {
  readonly name: string;
  readonly rows: number;
  /** Share of pairs whose chosen answer scores higher; a tie counts one half. */
  readonly accuracy: number;
  /** Of the accuracy, 95 %, prompts as units; null for a single prompt. */
  readonly interval: Interval | null;
  /** Share of pairs whose chosen answer scores strictly higher: RewardBench's accuracy. */
  readonly strictAccuracy: number;
  /** Mean of score(chosen) - score(rejected). */
  readonly margin: number;
  /** What taking the longer answer (in tokens) would give. A model that is no better has learnt length. */
  readonly longerAccuracy: number;
}

export interface ScoreSummary extends Omit<PairGroup, 'name'> {
  readonly measure: ScoreMeasure;
  /** Of rewards: whose they are, and with which beta. */
  readonly objective?: string;
  readonly beta?: number;
  /** Standard error of the margin, rows as units; null for one row. */
  readonly marginError: number | null;
  /** Mean scores. */
  readonly chosen: number;
  readonly rejected: number;
  /** By what rows say they come from; none where no row says so. */
  readonly sources: readonly PairGroup[];
  /** By the tokens of the longer answer. */
  readonly lengths: readonly PairGroup[];
  /** By which answer is longer; within a tenth they are about equal. */
  readonly differences: readonly PairGroup[];
  readonly rewardBench?: RewardBenchScore;
}

export interface SummaryOptions {
  readonly measure: ScoreMeasure;
  readonly beta: number;
  /** Of the rewards; default answer, which is DPO's. */
  readonly form?: RewardForm;
  /** Whose rewards they are; default sigmoid. */
  readonly objective?: string;
  /** [rows] equal for rows of one prompt; default: each row has its own. */
  readonly prompts?: ArrayLike<number> | undefined;
}

/** The scores of both answers of a pair by a measure. */
export function answerScores(
  score: PairScore,
  { measure, beta, form = 'answer' }: Pick<SummaryOptions, 'measure' | 'beta' | 'form'>,
): { readonly chosen: number; readonly rejected: number } {
  const { chosenLogps, rejectedLogps, referenceChosenLogps = 0, referenceRejectedLogps = 0, tokens } = score;
  switch (measure) {
    case 'reward':
      return {
        chosen: implicitReward(form, beta, {
          logps: chosenLogps,
          referenceLogps: referenceChosenLogps,
          tokens: tokens.chosen,
        }),
        rejected: implicitReward(form, beta, {
          logps: rejectedLogps,
          referenceLogps: referenceRejectedLogps,
          tokens: tokens.rejected,
        }),
      };
    case 'mean-logps':
      return { chosen: chosenLogps / tokens.chosen, rejected: rejectedLogps / tokens.rejected };
    default:
      return { chosen: chosenLogps, rejected: rejectedLogps };
  }
}

interface Measured {
  readonly score: PairScore;
  readonly prompt: number;
  readonly chosen: number;
  readonly rejected: number;
}

/**
 * Accuracy, margins and rewards over pairs, by source and by length; RewardBench's sections where sources are its subsets. Bins of length are powers of two. There must be a row.
 * Source: RewardBench (chosen above rejected); Lambert et al. (2024), arXiv 2403.13787. Length of answers as a baseline: reward-bench issue 267.
 */
export function summariseScores(rows: readonly PairScore[], options: SummaryOptions): ScoreSummary {
  const measured = rows.map((score, i): Measured => {
    return { score, prompt: options.prompts?.[i] ?? i, ...answerScores(score, options) };
  });
  const { name: _name, ...whole } = groupOf('', measured);
  const spread = variance(measured.map(marginOf));
  const sources = groupsBy(measured, ({ score }) => score.source).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rewardBench = rewardBenchScore(new Map(sources.map(({ name, strictAccuracy }) => [name, strictAccuracy])));
  return {
    measure: options.measure,
    ...(options.measure === 'reward' && { objective: options.objective ?? 'sigmoid', beta: options.beta }),
    ...whole,
    marginError: spread === null ? null : Math.sqrt(spread / rows.length),
    chosen: meanOf(measured.map(({ chosen }) => chosen))!,
    rejected: meanOf(measured.map(({ rejected }) => rejected))!,
    sources,
    lengths: groupsBy(
      measured.toSorted((a, b) => longer(a) - longer(b)),
      (row) => binOf(longer(row)),
    ),
    differences: DIFFERENCES.flatMap((name) => {
      const group = measured.filter((row) => differenceOf(row) === name);
      return group.length === 0 ? [] : [groupOf(name, group)];
    }),
    ...(rewardBench === undefined ? {} : { rewardBench }),
  };
}

function groupsBy(rows: readonly Measured[], nameOf: (row: Measured) => string | undefined): PairGroup[] {
  const groups = new Map<string, Measured[]>();
  for (const row of rows) {
    const name = nameOf(row);
    if (name === undefined) continue;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return [...groups].map(([name, group]) => groupOf(name, group));
}

function groupOf(name: string, rows: readonly Measured[]): PairGroup {
  const margins = rows.map(marginOf);
  const { rate, interval } = winRate(margins.map(tieAsHalf), { clusters: rows.map(({ prompt }) => prompt) })!;
  return {
    name,
    rows: rows.length,
    accuracy: rate,
    interval,
    strictAccuracy: margins.filter((margin) => margin > 0).length / rows.length,
    margin: meanOf(margins)!,
    longerAccuracy: meanOf(rows.map(({ score: { tokens } }) => tieAsHalf(tokens.chosen - tokens.rejected)))!,
  };
}

function marginOf({ chosen, rejected }: Measured): number {
  return chosen - rejected;
}

function longer({ score: { tokens } }: Measured): number {
  return Math.max(tokens.chosen, tokens.rejected);
}

/** 0-31, 32-63, 64-127, ... */
function binOf(tokens: number): string {
  const low = tokens < 32 ? 0 : 2 ** Math.floor(Math.log2(tokens));
  return `${low}-${Math.max(32, 2 * low) - 1} tokens`;
}

const DIFFERENCES = ['chosen longer', 'about equal', 'rejected longer'] as const;
const ABOUT_EQUAL = 0.1;

function differenceOf(row: Measured): (typeof DIFFERENCES)[number] {
  const { chosen, rejected } = row.score.tokens;
  if (Math.abs(chosen - rejected) <= ABOUT_EQUAL * longer(row)) return 'about equal';
  return chosen > rejected ? 'chosen longer' : 'rejected longer';
}
