/** A label and its value, for a two-column listing. */
export type LabelledLine = readonly [label: string, value: string];

/** Thousands separated, as in 12,345; other numbers with at most one decimal. */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** 0.123 as `12.3 %`. */
export function percent(value: number, digits = 1): string {
  return `${(100 * value).toFixed(digits)} %`;
}

/** `part` of `whole` as `12 (3.4 %)`. */
export function share(part: number, whole: number): string {
  return whole === 0 ? count(part) : `${count(part)} (${percent(part / whole)})`;
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

export interface WrapOptions {
  /** What the first line begins with, and the others; both count. */
  readonly first?: string;
  readonly rest?: string;
  /** Between two parts of a line; default one space. */
  readonly gap?: string;
  /** A word that is longer than a line has one of its own. By default it is cut, and begins where there is room. */
  readonly keepsWords?: boolean;
}

/** Lines of at most `width` characters: a text broken at its spaces, or parts that are not broken. */
export function wrap(
  text: string | readonly string[],
  width: number,
  { first = '', rest = '', gap = ' ', keepsWords = false }: WrapOptions = {},
): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  const endLine = (): void => {
    lines.push(line.trimEnd());
    line = rest;
    isEmpty = true;
  };
  const queue = typeof text === 'string' ? text.split(' ') : [...text];
  for (let at = 0; at < queue.length; at++) {
    const word = queue[at]!;
    // Several spaces stay together, but no line after the first begins with one.
    if (word === '' && isEmpty && lines.length > 0) continue;
    const longer = isEmpty ? line + word : line + gap + word;
    const length = lengthOf(longer);
    if (length <= width || (isEmpty && keepsWords)) {
      line = longer;
      isEmpty = false;
      continue;
    }
    // The word comes again, on the next line or what is left of it.
    if (isEmpty || (!keepsWords && lengthOf(line) <= width / 3)) {
      const taken = Math.max(isEmpty ? 1 : 0, lengthOf(word) - length + width);
      const letters = Array.from(word);
      line = `${isEmpty ? line : line + gap}${letters.slice(0, taken).join('')}`;
      queue[at] = letters.slice(taken).join('');
    }
    endLine();
    at--;
  }
  return [...lines, line];
}

function lengthOf(text: string): number {
  return Array.from(text).length;
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
