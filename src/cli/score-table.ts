import { percent } from '../core/index.ts';
import type { PairGroup, ScoreMeasure, ScoreSummary } from '../score/index.ts';

const MEASURES: Readonly<Record<ScoreMeasure, readonly [by: string, unit: string]>> = {
  reward: ['by reward', 'rewards'],
  logps: ['by log-probability (longer answers score lower; name a --reference to see rewards)', 'log-probabilities'],
  'mean-logps': ['by mean log-probability of a token', 'mean log-probabilities'],
};
const HEAD = ['pairs', 'accuracy', '95 %', 'margin', 'by length'] as const;
const GAP = '  ';
const TITLES = { sources: 'source', lengths: 'longer answer', differences: 'which is longer' } as const;
/** Names of groups are cut to what a narrow terminal leaves, but not below the longest title. */
const NARROWEST_NAME = Math.max(...Object.values(TITLES).map(({ length }) => length));

/** What `preftune score` prints: a sentence, the groups of pairs, RewardBench's sections. At most `columns` wide, names of sources cut. */
export function renderScores(summary: ScoreSummary, columns: number): string {
  const { rows, accuracy, interval, margin, marginError, measure, chosen, rejected, longerAccuracy } = summary;
  const [by, unit] = MEASURES[measure];
  const whose = summary.objective === undefined ? '' : ` (${summary.objective}, beta ${String(summary.beta)})`;
  const spread = marginError === null ? '' : ` +- ${marginError.toFixed(4)}`;
  const lines = [
    `${rows} ${rows === 1 ? 'pair' : 'pairs'}: the chosen answer scores higher in ${percent(accuracy)} (95 %: ${range(interval)}) ${by}`,
    `${unit}${whose}: chosen ${chosen.toFixed(4)}, rejected ${rejected.toFixed(4)}, margin ${margin.toFixed(4)}${spread}`,
    `taking the longer answer would be right in ${percent(longerAccuracy)}`,
  ];
  const groups = [...summary.sources, ...summary.lengths, ...summary.differences];
  const cells = groups.map(cellsOf);
  const widths: number[] = HEAD.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at]!.length)));
  const taken = (): number => widths.reduce((sum, width) => sum + width + GAP.length, 0);
  const longest = Math.max(
    ...Object.values(TITLES).map(({ length }) => length),
    ...groups.map(({ name }) => name.length),
  );
  // Names of sources are cut, our own headings never: the last columns make room.
  const least = Math.min(longest, NARROWEST_NAME);
  while (widths.length > 1 && taken() + least > columns) widths.pop();
  const nameWidth = Math.min(longest, Math.max(least, columns - taken()));
  const line = (name: string, values: readonly string[]): string =>
    [cut(name, nameWidth).padEnd(nameWidth), ...widths.map((width, at) => values[at]!.padStart(width))].join(GAP);
  const section = (title: string, members: readonly PairGroup[]): string[] =>
    members.length === 0 ? [] : ['', line(title, HEAD), ...members.map((member) => line(member.name, cellsOf(member)))];
  lines.push(
    ...section(TITLES.sources, summary.sources),
    ...section(TITLES.lengths, summary.lengths),
    ...section(TITLES.differences, summary.differences),
  );
  return [...lines, ...rewardBenchLines(summary)].join('\n');
}

function rewardBenchLines({ rewardBench }: ScoreSummary): string[] {
  if (rewardBench === undefined) return [];
  const { sections, score, missing } = rewardBench;
  const width = Math.max(...sections.map(({ section }) => section.length));
  return [
    '',
    `RewardBench ${(100 * score).toFixed(1)}${missing.length === 0 ? '' : ` (${missing.length} of its subsets are missing: not to be compared with published scores)`}`,
    ...sections.map(({ section, score: own }) => `${section.padEnd(width)}${GAP}${(100 * own).toFixed(1)}`),
  ];
}

function cellsOf({ rows, accuracy, interval, margin, longerAccuracy }: PairGroup): string[] {
  return [String(rows), percent(accuracy), range(interval), margin.toFixed(4), percent(longerAccuracy)];
}

function range(interval: PairGroup['interval']): string {
  return interval === null ? '-' : `${(100 * interval.low).toFixed(0)}-${(100 * interval.high).toFixed(0)}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
}
