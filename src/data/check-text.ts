import { fieldUseLines } from './field-use.ts';
import { formatProblems, count, listing, share, wrap, type LabelledLine } from '../core/index.ts';
import type { DataReport } from './check.ts';
import type { RepeatCounts } from './tokens/hash-counter.ts';
import { formatLine } from './rows.ts';
import { renderTokenisationReport, spreadTable } from './tokens/tokenisation-text.ts';

/** A data report for a terminal of `width` columns (at least 40; default 80), the tokenisation proof last. */
export function renderDataReport(report: DataReport, width = 80): string {
  const columns = Math.max(40, width);
  const { characters, problemTotal, problems, tokenisation } = report;
  const sections = [
    [
      ...report.formats.flatMap((format) => wrap(`${format.file}: ${formatLine(format)}`, columns)),
      ...fieldUseLines(report.fieldUse).flatMap((line) => wrap(line, columns)),
    ],
    listing(summaryLines(report), columns),
    spreadTable('Characters', characters, columns),
  ];
  if (problemTotal > 0) {
    const lines = formatProblems(problems).split('\n');
    const more = problemTotal - problems.length;
    sections.push([
      'Problems',
      ...lines.flatMap((line) => wrap(line, columns)),
      ...(more > 0 ? [`... and ${count(more)} that are only counted`] : []),
    ]);
  }
  const text = `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
  return tokenisation === undefined ? text : `${text}\n${renderTokenisationReport(tokenisation, columns)}`;
}

function summaryLines(report: DataReport): LabelledLine[] {
  const { records, validRows, problemCounts, rows, prompts, conversations, promptTurns } = report;
  const pairs = report.chosenLonger + report.chosenShorter + report.sameLength;
  const lines: LabelledLine[] = [
    ['records', count(records)],
    ['valid rows', share(validRows, records)],
    ...Object.entries(problemCounts).map(([reason, number]): LabelledLine => [`problem: ${reason}`, count(number)]),
    ['distinct prompts', estimated(prompts, prompts.distinct)],
    ['repeated rows', estimated(rows, rows.repeats)],
  ];
  if (conversations > 0)
    lines.push([
      'conversations',
      `${share(conversations, validRows)}, prompts of up to ${count(promptTurns.max)} turns`,
    ]);
  if (pairs > 0) {
    lines.push(
      ['pairs in both orders', estimated(rows, rows.contradictions)],
      ['chosen is longer', share(report.chosenLonger, pairs)],
      ['chosen is shorter', share(report.chosenShorter, pairs)],
    );
  }
  return lines;
}

function estimated({ sampledShare }: RepeatCounts, value: number): string {
  return sampledShare === 1 ? count(value) : `about ${count(value)} (from a sample of 1 in ${count(1 / sampledShare)})`;
}
