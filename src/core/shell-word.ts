/** What a POSIX shell, and cmd for the most part, reads as one word that means itself. */
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

/** What means itself in double quotes, to POSIX shells and PowerShell alike, and to cmd, which knows no other quotes. */
const PLAIN_IN_QUOTES = /^[^"$`\\!\r\n]*$/;

/** A word of a command line, quoted where a shell would take it apart: `my run` becomes `"my run"`, and what has a `$` stands in single quotes. */
export function shellWord(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  return PLAIN_IN_QUOTES.test(word) ? `"${word}"` : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command that can be pasted into a shell as it stands: `npx preftune` and the words, quoted where they must be. */
export function shellCommand(words: readonly string[]): string {
  return ['npx preftune', ...words.map(shellWord)].join(' ');
}

/** The words of a command line, as a POSIX shell takes it apart; quotes and backslashes are undone. No variables, no patterns. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [, single, double, escaped, space, plain] of line.matchAll(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\([^]|$)|(\s+)|([^\s'"\\]+)/g,
  )) {
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (escaped === '\n') continue;
    else word = (word ?? '') + (single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '');
  }
  return word === undefined ? words : [...words, word];
}

/**
 * A command of one line as lines of at most `columns`, each but the last ending in ` \`, so that it can still be pasted whole. It is broken
 * before options where that is enough, otherwise between any two words; a longer word stands alone. Lines after the first are indented by two.
 */
export function commandLines(command: string, columns: number): string[] {
  if (command.length <= columns) return [command];
  const parts = command.match(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/g) ?? [command];
  const lines: string[] = [];
  let line = '';
  // An option stands with its value, unless both are too wide for a line.
  const groups: string[][] = [];
  for (const part of parts) {
    const last = groups.at(-1);
    if (last === undefined || part.startsWith('-') || !last[0]!.startsWith('-')) groups.push([part]);
    else last.push(part);
  }
  for (const group of groups) {
    const isTooWide = group.join(' ').length + 4 > columns;
    for (const part of isTooWide ? group : [group.join(' ')]) {
      const longer = line === '' ? part : `${line} ${part}`;
      if (line !== '' && longer.length + 2 > columns) {
        lines.push(`${line} \\`);
        line = `  ${part}`;
      } else line = longer;
    }
  }
  return [...lines, line];
}
