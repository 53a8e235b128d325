import { formatProblems, count, listing, wrap, type LabelledLine } from '../../core/index.ts';
import { formatLine } from '../rows.ts';
import type { ConversionReport } from './convert.ts';

/** A conversion for a terminal of `width` columns (at least 40; default 80). */
export function renderConversionReport(report: ConversionReport, width = 80): string {
  const columns = Math.max(40, width);
  const { formats, to, rows, records, skipped, changes, lost, problems, detectedAs } = report;
  const sections = [
    formats.flatMap((format) => wrap(`${format.file}: ${formatLine(format)}`, columns)),
    listing(
      [
        ['rows read', count(rows)],
        ['rows skipped', count(skipped)],
        [`${to} written`, count(records)],
        ...Object.entries(changes).map(([change, number]): LabelledLine => [change, count(number)]),
      ],
      columns,
    ),
  ];
  if (Object.keys(lost).length > 0) {
    const fields = Object.entries(lost).toSorted(([, a], [, b]) => b - a);
    sections.push([
      ...wrap(`Lost, because ${to} has no place for it (rows):`, columns),
      ...listing(
        fields.map(([field, number]): LabelledLine => [`  ${field}`, count(number)]),
        columns,
      ),
    ]);
  }
  if (detectedAs !== undefined)
    sections.push(wrap(`Detection takes the result for ${detectedAs}: read it with --format ${to}.`, columns));
  if (problems.total > 0) {
    const more = problems.total - problems.kept.length;
    sections.push([
      'Skipped rows',
      ...formatProblems(problems.kept)
        .split('\n')
        .flatMap((line) => wrap(line, columns)),
      ...(more > 0 ? [`... and ${count(more)} that are only counted`] : []),
    ]);
  }
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
