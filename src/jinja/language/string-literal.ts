import { syntaxProblem, unsupported, type TemplateProblem } from '../problem.ts';
import { escapeOf } from '../python/print.ts';

const ESCAPE = /\\(?:\n|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]?))/g;
const SHORT: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * The text of a string literal from what stands between its quotes. Jinja writes what is not ASCII as escapes and then reads
 * escapes as Python does, so a backslash before such a character leaves the character's escape. Unknown escapes stay.
 */
export function readStringLiteral(body: string, line: number): string {
  if (!body.includes('\\')) return body;
  const ascii = body.replace(/[^\0-\x7f]/gu, escapeOf);
  return ascii.replace(ESCAPE, (whole, ...groups: (string | undefined)[]) => {
    const [octal, two, four, eight, letter] = groups;
    if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
    const code = two ?? four ?? eight;
    if (code !== undefined) return characterOf(parseInt(code, 16), line);
    if (letter === undefined) return '';
    if (letter === 'N') throw at(unsupported('the escape \\N'), line);
    if (letter === 'x' || letter === 'u' || letter === 'U') throw syntaxProblem(`truncated \\${letter} escape`, line);
    return SHORT[letter] ?? whole;
  });
}

function characterOf(code: number, line: number): string {
  if (code > 0x10ffff) throw syntaxProblem('illegal Unicode character', line);
  if (code >= 0xd800 && code <= 0xdfff) throw at(unsupported('half of a surrogate pair in a text'), line);
  return String.fromCodePoint(code);
}

function at(problem: TemplateProblem, line: number): TemplateProblem {
  problem.line = line;
  return problem;
}
