import { commandLines, wrap } from '../../core/index.ts';

/** A label and what stands in its column: `report:   run/report.html`, `  reward  0.3`. */
const LABELLED = /^(\s*(?:[\w+-]+(?: [\w+-]+){0,2}:? {2,}|[-*!]{1,2} +|\d+\. +))\S/;

/** A command that goes on to the end of its line, and what stands before it. */
const COMMAND = /^(.*?)(npx preftune [^;]*)$/;

const LEAST_COLUMNS = 20;

/**
 * Text whose lines are at most `columns` wide: longer ones are broken between words, and go on below what they began with, or indented by `rest`. A command
 * to type stays one that can be typed, broken with `\`. Words that are longer than a line, such as paths, stay whole; lines of JSON stay as they are.
 */
export function fitLines(text: string, columns: number, rest = 0): string {
  if (columns < LEAST_COLUMNS) return text;
  return text
    .split('\n')
    .flatMap((line) => (line.length <= columns || /^[[{]/.test(line) ? [line] : fitLine(line, columns, rest)))
    .join('\n');
}

function fitLine(line: string, columns: number, rest: number): string[] {
  const [, before = '', command] = COMMAND.exec(line) ?? [];
  if (command === undefined) return fitWords(line, columns, rest);
  const isShort = before.length <= columns / 3;
  const indent = ' '.repeat(isShort ? before.length : 2);
  const lines = commandLines(command, columns - indent.length);
  if (isShort) return lines.map((one, place) => `${place === 0 ? before : indent}${one}`);
  return [...fitWords(before.trimEnd(), columns, rest), ...lines.map((one) => `${indent}${one}`)];
}

function fitWords(line: string, columns: number, rest: number): string[] {
  const label = LABELLED.exec(line)?.[1];
  const isLabelled = label !== undefined && label.length <= columns / 2;
  const first = isLabelled ? label : /^\s*/.exec(line)![0].slice(0, columns / 2);
  return wrap(line.slice(first.length), columns, {
    first,
    rest: ' '.repeat(first.length + (isLabelled ? 0 : rest)),
    keepsWords: true,
  });
}
