import { wrap } from '../../core/index.ts';
import { flagOf, typedText } from '../../options/index.ts';
import { SWEEP_FIGURES, type SweepFigure, type SweepGroup } from '../../evaluate/index.ts';
import { fixed } from '../frame/progress.ts';

/** The headings of figures and their decimals. */
const COLUMNS: Readonly<Record<SweepFigure, readonly [heading: string, decimals: number]>> = {
  accuracy: ['accuracy', 3],
  margin: ['margin', 3],
  loss: ['loss', 4],
  logRatio: ['log-ratio', 2],
  chosenChange: ['chosen', 2],
};

const GAP = '  ';

/** The groups of a sweep, best first, as a table at most `columns` wide; where that is too narrow, a few lines for each. */
export function sweepTable(groups: readonly SweepGroup[], columns: number): string {
  const [first] = groups;
  if (first === undefined) return '';
  const axes = Object.keys(first.values);
  const figures = SWEEP_FIGURES.map((name) => COLUMNS[name][0]);
  const head = [...axes.map((path) => flagOf(path).slice(2)), ...figures];
  const rows = groups.map((group) => [...axes.map((path) => typedText(group.values[path]!)), ...figureCells(group)]);
  const widths = head.map((text, at) => Math.max(text.length, ...rows.map((row) => row[at]!.length)));
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
  if (total > columns) return groups.map((group, at) => stacked(group, at + 1, columns)).join('\n');
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at < axes.length ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join(GAP)
      .trimEnd();
  return [head, ...rows].map(line).join('\n');
}

function figureCells({ mean, spread }: SweepGroup): string[] {
  if (mean === undefined) return SWEEP_FIGURES.map((_, at) => (at === 0 ? 'failed' : '-'));
  return SWEEP_FIGURES.map((name) => {
    const [, decimals] = COLUMNS[name];
    const more = spread === undefined ? '' : ` +-${spread[name].toFixed(decimals)}`;
    return `${fixed(mean[name], decimals)}${more}`;
  });
}

function stacked(group: SweepGroup, place: number, columns: number): string {
  const cells = figureCells(group);
  const values = Object.entries(group.values).map(([path, value]) => `${flagOf(path).slice(2)} ${typedText(value)}`);
  const figures =
    group.mean === undefined ? ['failed'] : SWEEP_FIGURES.map((name, at) => `${COLUMNS[name][0]} ${cells[at]}`);
  const start = `${place}. `;
  const indent = ' '.repeat(start.length);
  const lines = (parts: readonly string[], first: string): string[] =>
    wrap(parts, columns, { first, rest: indent, gap: GAP, keepsWords: true });
  return [...lines(values, start), ...lines(figures, indent)].join('\n');
}
