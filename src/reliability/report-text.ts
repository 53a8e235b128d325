import { count, listing, table as columnsOf, visibleText, wrap, type LabelledLine, percent } from '../core/index.ts';
import type { Agreement } from './find-agreement.ts';
import type { Reliability } from './check.ts';
import { SEVERITIES, type DataFinding } from './finding.ts';
import { atPlace } from './row-table.ts';

export interface ReportTextOptions {
  /** Columns of the terminal, at least 40; default 80. */
  readonly width?: number;
  /** Places shown of each finding; default 3. */
  readonly places?: number;
}

const MARKS = { serious: '!!', warning: '! ', note: '- ' } as const;

/** The findings as a page for a terminal. */
export function renderReliability(
  reliability: Reliability,
  { width = 80, places = 3 }: ReportTextOptions = {},
): string {
  const columns = Math.max(40, width);
  const { findings, agreement } = reliability;
  const sections = [[...wrap(verdictOf(findings), columns)]];
  const counted = findings.filter(({ severity }) => severity !== 'note');
  const notes = findings.filter(({ severity }) => severity === 'note');
  for (const finding of counted) sections.push(findingLines(finding, { reliability, columns, places }));
  if (notes.length > 0) {
    sections.push([
      'Also',
      ...notes.flatMap((finding) => indented(`${MARKS.note}${finding.kind}: ${finding.sentence}`, columns)),
    ]);
  }
  if (agreement !== undefined) sections.push(agreementLines(agreement, columns));
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** `Reliability: 2 serious findings, 3 warnings, 1 note`. */
export function verdictOf(findings: readonly DataFinding[]): string {
  if (findings.length === 0) return 'Reliability: nothing was found';
  const words = {
    serious: ['serious finding', 'serious findings'],
    warning: ['warning', 'warnings'],
    note: ['note', 'notes'],
  };
  const parts = SEVERITIES.flatMap((severity) => {
    const number = findings.filter((finding) => finding.severity === severity).length;
    return number === 0 ? [] : [`${number} ${words[severity][number === 1 ? 0 : 1]}`];
  });
  return `Reliability: ${parts.join(', ')}`;
}

function findingLines(
  { severity, kind, sentence, advice, places: all }: DataFinding,
  { reliability, columns, places }: { reliability: Reliability; columns: number; places: number },
): string[] {
  const shown = placesText(all, reliability.table.files, places);
  return [
    `${MARKS[severity]} ${kind}`,
    ...body(visibleText(sentence), columns),
    ...(shown === '' ? [] : body(shown, columns)),
    ...body(`-> ${advice}`, columns),
  ];
}

/** `pairs.jsonl:3, :8, :21 and 12 more`. */
export function placesText(places: Float64Array, files: readonly string[], limit: number): string {
  let last = '';
  const shown = Array.from(places.subarray(0, limit), (place) => {
    const { file, line } = atPlace(place, files);
    const text = file === last ? `:${line}` : `${visibleText(file)}:${line}`;
    last = file;
    return text;
  });
  const rest = places.length - shown.length;
  return `${shown.join(', ')}${rest > 0 && shown.length > 0 ? ` and ${count(rest)} more` : ''}`;
}

function agreementLines({ coefficients, annotators }: Agreement, columns: number): string[] {
  const lines = coefficients.map(({ name, estimate, interval, items }): LabelledLine => {
    const range = interval === null ? '' : ` (${interval.low.toFixed(2)} to ${interval.high.toFixed(2)})`;
    return [name, estimate === null ? 'not defined' : `${estimate.toFixed(2)}${range}, ${count(items)} items`];
  });
  const rows = annotators
    .slice(0, 12)
    .map(({ name, ratings, agreement, longer, firstShown }) => [
      visibleText(name).slice(0, 24),
      count(ratings),
      ...[agreement, longer, firstShown].map((share) => (share === null ? '' : percent(share))),
    ]);
  const more = annotators.length - rows.length;
  return [
    'Agreement',
    ...listing(lines, columns),
    '',
    ...columnsOf([['annotator', 'rows', 'agrees', 'longer', 'first shown'], ...rows], columns),
    ...(more > 0 ? [`... and ${count(more)} more`] : []),
  ];
}

function body(text: string, columns: number): string[] {
  return wrap(text, columns - 3).map((line) => `   ${line}`);
}

function indented(text: string, columns: number): string[] {
  return wrap(text, columns - 2).map((line, index) => (index === 0 ? line : `  ${line}`));
}
