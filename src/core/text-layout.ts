/** A label and its value, for a two-column listing. */
export type LabelledLine = readonly [label: string, value: string];

/** Thousands separated, as in 12,345; other numbers with at most one decimal. */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** `part` of `whole` as `12 (3.4 %)`. */
export function share(part: number, whole: number): string {
  if (whole === 0) return count(part);
  return `${count(part)} (${((100 * part) / whole).toFixed(1)} %)`;
}

/** Labels in one column, values in the next, values wrapped into their column. */
export function listing(lines: readonly LabelledLine[], width: number): string[] {
  const labelWidth = Math.min(Math.max(0, ...lines.map(([label]) => label.length)), Math.floor(width / 2)) + 2;
  return lines.flatMap(([label, value]) => {
    const [first = '', ...rest] = wrap(value, width - labelWidth);
    const indent = ' '.repeat(labelWidth);
    return [`${label.padEnd(labelWidth)}${first}`.trimEnd(), ...rest.map((line) => `${indent}${line}`)];
  });
}

/**
 * Rows of cells; the first column left, the others right, each as wide as its widest cell. Where that is too wide, the last
 * columns are left out.
 */
export function table(rows: readonly (readonly string[])[], width: number): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  let columns = widths.length;
  const needed = (): number => widths.slice(0, columns).reduce((sum, column) => sum + column + 2, -2);
  while (columns > 2 && needed() > width) columns--;
  return rows.map((row) =>
    row
      .slice(0, columns)
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Lines of at most `width` characters, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (Array.from(rest).length > width) {
    const head = Array.from(rest)
      .slice(0, width + 1)
      .join('');
    const space = head.lastIndexOf(' ');
    const cut = space > width / 3 ? space : Array.from(rest).slice(0, width).join('').length;
    lines.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut).trimStart();
  }
  return [...lines, rest];
}

/** Control characters made visible, so that a text from a file cannot steer the terminal. */
export function visibleText(text: string): string {
  return text
    .replaceAll('\r\n', '↵')
    .replaceAll('\n', '↵')
    .replaceAll('\t', '→')
    .replaceAll(
      /\p{Cc}|\p{Cf}/gu,
      (character) => `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`,
    );
}
