/** A place in a text that is read from left to right, and why reading ended: the text did, or it is wrong. The first reason stays. */
export interface Cursor {
  readonly text: string;
  at: number;
  failure: 'more' | 'bad' | undefined;
}

export function createCursor(text: string, at: number): Cursor {
  return { text, at, failure: undefined };
}

/** Says why reading ended: `more` at the end of the text, else `bad`. */
export function fail(cursor: Cursor, isWrong = false): undefined {
  cursor.failure ??= !isWrong && cursor.at >= cursor.text.length ? 'more' : 'bad';
  return undefined;
}

export function skipBlank(cursor: Cursor): void {
  while (cursor.at < cursor.text.length && ' \n\t\r'.includes(cursor.text[cursor.at]!)) cursor.at++;
}

/** Steps over a text that must stand here. */
export function take(cursor: Cursor, expected: string): boolean {
  if (cursor.text.startsWith(expected, cursor.at)) {
    cursor.at += expected.length;
    return true;
  }
  const rest = cursor.text.slice(cursor.at, cursor.at + expected.length);
  cursor.failure ??= expected.startsWith(rest) ? 'more' : 'bad';
  return false;
}

/** Whether a text stands here, which is stepped over then. Where the text ends within it, that is the reason to stop. */
export function takeIf(cursor: Cursor, expected: string): boolean {
  if (cursor.text.startsWith(expected, cursor.at)) {
    cursor.at += expected.length;
    return true;
  }
  const rest = cursor.text.slice(cursor.at, cursor.at + expected.length);
  if (expected.startsWith(rest)) cursor.failure ??= 'more';
  return false;
}

/** Steps over what the sticky pattern matches here. A match that reaches the end of the text may go on: that is the reason to stop. */
export function takeWord(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at;
  const word = pattern.exec(cursor.text)?.[0];
  if (word === undefined || word === '') return fail(cursor);
  cursor.at += word.length;
  if (cursor.at >= cursor.text.length) return fail(cursor);
  return word;
}
