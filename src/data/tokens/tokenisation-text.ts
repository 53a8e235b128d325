import type { Spread } from '../distribution.ts';
import { count, listing, share, table, visibleText, wrap, type LabelledLine } from '../../core/index.ts';
import { dropCause } from '../row-texts/drop-causes.ts';
import { textLines } from '../row-texts/text-lines.ts';
import type { DropReason } from './tokenize-answer.ts';
import type { RowCount, TextCount, TokenisationReport } from './tokenisation-report.ts';
import type { TokenisationExample } from './tokenisation-example.ts';

/** What opens and closes the scored tokens of an example, and what stands between two tokens. */
const SCORED_OPEN = '⟦';
const SCORED_CLOSE = '⟧';
const BETWEEN = '·';

/** How many row ids a line names. */
const NAMED_ROWS = 5;
/** How many places with their texts. */
const NAMED_PLACES = 5;

/**
 * The tokenisation proof for a terminal of `width` columns (at least 40; default 80): counts, tokens per part, and examples
 * with token boundaries marked by a dot and the scored span in brackets. Lines that say zero are left out, except
 * those that a reader looks for: dropped and truncated.
 */
export function renderTokenisationReport(report: TokenisationReport, width = 80): string {
  const columns = Math.max(40, width);
  const sections = [
    ['Tokenisation', ...listing(summaryLines(report), columns)],
    spreadTable('Tokens per row', report.tokens, columns),
    ...report.examples.map((example) => exampleLines(example, columns)),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** One line for each quantity: mean, percentiles, maximum, total. */
export function spreadTable(title: string, spreads: Readonly<Record<string, Spread>>, width: number): string[] {
  const lines = Object.entries(spreads).map(([name, { mean, p50, p95, max, total }]) => [
    `  ${name}`,
    mean.toFixed(1),
    count(p50),
    count(p95),
    count(max),
    count(total),
  ]);
  return table([[title, 'mean', 'p50', 'p95', 'max', 'total'], ...lines], width);
}

function summaryLines(report: TokenisationReport): LabelledLine[] {
  const { rows, kept, sequences, limits, dropped, truncated, longest } = report;
  const always = (label: string, counts: Readonly<Record<string, RowCount>>): LabelledLine[] => {
    const entries = Object.entries(counts);
    if (entries.length === 0) return [[label, '0']];
    return entries.map(([name, rowCount]) => [`${label}: ${name}`, named(rowCount, rows)]);
  };
  const sometimes = (label: string, rowCount: RowCount): LabelledLine[] =>
    rowCount.count === 0 ? [] : [[label, named(rowCount, rows)]];
  return [
    ['rows', count(rows)],
    ['kept', share(kept, rows)],
    ...(sequences === kept ? [] : ([['sequences', count(sequences)]] satisfies LabelledLine[])),
    ['max length', limits.maxLength === undefined ? 'none' : count(limits.maxLength)],
    ...(limits.maxPromptLength === undefined
      ? []
      : ([['max prompt length', count(limits.maxPromptLength)]] satisfies LabelledLine[])),
    ...(Object.keys(dropped).length === 0
      ? always('dropped', dropped)
      : Object.entries(dropped).map(([reason, rowCount]): LabelledLine => [
          'dropped',
          `${named(rowCount, rows)}: ${dropCause(reason as DropReason, limits).cause}`,
        ])),
    ...textLines(report).map((line): LabelledLine => ['texts', line]),
    ...always('answer cut', truncated),
    ...sometimes('prompt cut', report.promptCut),
    ...sometimes('prompt tokens differ', report.promptTokensDiffer),
    ...sometimes('token over the boundary', report.boundaryMoved),
    ...sometimes('template differs', report.templateDiffers),
    ...sometimes('no stop token trained', report.noStopToken),
    ...sometimes('stop token inside', report.stopInside),
    ...Object.entries(report.lost).flatMap(([by, found]) => textOf(`left out by the ${by}`, found, rows)),
    ...textOf('opening not trained', report.untrainedOpening, rows),
    ...placesOf('control tokens in texts', report.controlTokens, rows),
    ...textOf('rendered already', report.renderedAlready, rows),
    ...sometimes('rendered, as plain text', report.renderedAsText),
    ...sometimes('end token written out', report.endWritten),
    ...sometimes('equal answers left out', report.answersLeftOut),
    ...sometimes('doubled BOS removed', report.duplicatedBos),
    ['EOS appended', share(report.stopAppended.count, rows)],
    ['opens with BOS', share(report.withBos, rows)],
    ...(longest === undefined
      ? []
      : ([['longest', `${count(longest.tokens)} tokens, row ${visibleText(longest.row)}`]] satisfies LabelledLine[])),
  ];
}

/** The rows, and what was found in the first of them. */
function textOf(label: string, found: TextCount, rows: number): LabelledLine[] {
  const [first] = found.places;
  if (first === undefined) return [];
  return [[label, `${named(found, rows)}: ${visibleText(first.text)} (${first.field})`]];
}

/** The rows, and the first places with what was found there. */
function placesOf(label: string, found: TextCount, rows: number): LabelledLine[] {
  return found.count === 0 ? [] : [[label, `${share(found.count, rows)}: ${placesText(found, visibleText)}`]];
}

/** `row 2, prompt: <|im_end|>, <|im_start|>; row 3, chosen: ...`, of the first places. */
export function placesText({ places, count: number }: TextCount, shown: (text: string) => string): string {
  const first = places
    .slice(0, NAMED_PLACES)
    .map(({ row, field, text }) => `row ${visibleText(row)}, ${field}: ${shown(text)}`);
  const isMore = places.length > NAMED_PLACES || number > NAMED_PLACES;
  return `${first.join('; ')}${isMore ? '; ...' : ''}`;
}

function named({ count: number, rows: ids }: RowCount, rows: number): string {
  const names = ids.slice(0, NAMED_ROWS).map(visibleText).join(', ');
  const label = number === 1 ? 'row' : 'rows';
  return `${share(number, rows)}, ${label} ${names}${number > NAMED_ROWS ? ', ...' : ''}`;
}

function exampleLines(example: TokenisationExample, width: number): string[] {
  const { row, side, tokens, gaps, tokenCount, scoredCount } = example;
  const omittedAfter = new Map(gaps.map(({ after, omitted }) => [after, omitted]));
  let text = '';
  tokens.forEach((token, index) => {
    const before = tokens[index - 1]?.scored ?? false;
    if (token.scored && !before) text += SCORED_OPEN;
    else if (before && !token.scored) text += SCORED_CLOSE;
    else if (index > 0) text += BETWEEN;
    text += visibleText(token.text);
    const omitted = omittedAfter.get(index);
    if (omitted !== undefined) text += `${BETWEEN} ... ${count(omitted)} tokens ... `;
  });
  if (tokens.at(-1)?.scored) text += SCORED_CLOSE;
  const title = `Row ${visibleText(row)}, ${side} (${count(tokenCount)} tokens, ${count(scoredCount)} scored)`;
  return [...wrap(title, width), ...wrap(text, width - 2).map((line) => `  ${line}`)];
}
