import { syntaxProblem } from '../problem.ts';
import { parseInteger } from '../python/integers.ts';
import { SPACES, isSpace, trimEnd } from '../python/white-space.ts';
import { readStringLiteral } from './string-literal.ts';
import type { Operator, Token } from './tokens.ts';

const OPENING = /\{[{%#]/g;
const RAW = new RegExp(`\\{%[-+]?[${SPACES}]*raw[${SPACES}]*(?:-%\\}[${SPACES}]*|%\\})`, 'y');
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACES}]*endraw[${SPACES}]*(?:\\+%\\}|-%\\}[${SPACES}]*|%\\}\\n?)`, 'g');
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACES}]*|#\\}\\n?`, 'g');
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}[${SPACES}]*|%\\}\\n?`, 'y');
const VARIABLE_END = new RegExp(`-\\}\\}[${SPACES}]*|\\}\\}`, 'y');

const BLANKS = new RegExp(`[${SPACES}]+`, 'y');
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INTEGER = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{N}\p{M}\p{Pc}·]+/uy;
const IDENTIFIER = /^[\p{XID_Start}_][\p{XID_Continue}]*$/u;
const STRING = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

interface Reader {
  readonly source: string;
  readonly tokens: Token[];
  at: number;
  line: number;
  /** Whether what was read last ended a line, so that blanks before a tag are set-in. */
  isLineStart: boolean;
}

/**
 * The tokens of a template, as Jinja's lexer finds them with trim_blocks and lstrip_blocks: line ends become \n, the last one
 * is dropped, a block or comment takes the line end behind it and the blanks before it on its line. Throws syntax problems.
 *
 * Source: Jinja 3.1, lexer.py.
 */
export function tokenize(template: string): Token[] {
  const source = template.replace(/\r\n?/g, '\n').replace(/\n$/, '');
  const reader: Reader = { source, tokens: [], at: 0, line: 1, isLineStart: true };
  while (reader.at < source.length) readRoot(reader);
  reader.tokens.push({ type: 'end', line: reader.line });
  return reader.tokens;
}

function match(expression: RegExp, { source, at }: Reader): string | undefined {
  expression.lastIndex = at;
  return expression.exec(source)?.[0];
}

function advance(reader: Reader, text: string): void {
  if (text === '') return;
  reader.at += text.length;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) reader.line++;
  reader.isLineStart = text.endsWith('\n');
}

/** Text up to the next tag, and the tag. */
function readRoot(reader: Reader): void {
  const { source } = reader;
  OPENING.lastIndex = reader.at;
  const opening = OPENING.exec(source);
  if (opening === null) {
    pushData(reader, source.slice(reader.at));
    advance(reader, source.slice(reader.at));
    return;
  }
  const data = source.slice(reader.at, opening.index);
  const kind = opening[0];
  const sign = /[-+]/.exec(source[opening.index + 2] ?? '')?.[0] ?? '';
  pushData(reader, stripped(data, { sign, isBlock: kind !== '{{', isLineStart: reader.isLineStart }));
  advance(reader, data);
  const raw = kind === '{%' ? match(RAW, reader) : undefined;
  if (raw !== undefined) {
    advance(reader, raw);
    readRaw(reader);
    return;
  }
  const { line } = reader;
  advance(reader, kind + sign);
  if (kind === '{#') readComment(reader, line);
  else readTag(reader, kind === '{%' ? 'block' : 'variable', line);
}

function pushData(reader: Reader, text: string): void {
  if (text !== '') reader.tokens.push({ type: 'data', text, line: reader.line });
}

/** The text before a tag without what the tag takes from it. */
function stripped(
  text: string,
  { sign, isBlock, isLineStart }: { readonly sign: string; readonly isBlock: boolean; readonly isLineStart: boolean },
): string {
  if (sign === '-') return trimEnd(text);
  if (sign === '+' || !isBlock) return text;
  const lineStart = text.lastIndexOf('\n') + 1;
  if (lineStart === 0 && !isLineStart) return text;
  for (let at = lineStart; at < text.length; at++) if (!isSpace(text.charCodeAt(at))) return text;
  return text.slice(0, lineStart);
}

function readRaw(reader: Reader): void {
  const { source, line } = reader;
  RAW_END.lastIndex = reader.at;
  const end = RAW_END.exec(source);
  if (end === null) throw syntaxProblem('Missing end of raw directive', line);
  const text = source.slice(reader.at, end.index);
  pushData(reader, stripped(text, { sign: end[1]!, isBlock: true, isLineStart: reader.isLineStart }));
  advance(reader, text + end[0]);
}

function readComment(reader: Reader, line: number): void {
  COMMENT_END.lastIndex = reader.at;
  const end = COMMENT_END.exec(reader.source);
  if (end === null) throw syntaxProblem('Missing end of comment tag', line);
  advance(reader, reader.source.slice(reader.at, end.index + end[0].length));
}

/** The tokens between the marks of a tag. An end mark within brackets is operators. */
function readTag(reader: Reader, kind: 'block' | 'variable', line: number): void {
  reader.tokens.push({ type: `${kind}_begin`, line });
  const open: string[] = [];
  const endMark = kind === 'block' ? BLOCK_END : VARIABLE_END;
  while (reader.at < reader.source.length) {
    const end = open.length === 0 ? match(endMark, reader) : undefined;
    if (end !== undefined) {
      reader.tokens.push({ type: `${kind}_end`, line: reader.line });
      advance(reader, end);
      return;
    }
    const token = readToken(reader);
    if (token?.type === 'operator') balance(open, token.text, reader.line);
    if (token !== undefined) reader.tokens.push(token);
  }
}

function balance(open: string[], operator: Operator, line: number): void {
  const closing = CLOSING[operator];
  if (closing !== undefined) open.push(closing);
  if (operator !== '}' && operator !== ')' && operator !== ']') return;
  const expected = open.pop();
  if (expected === undefined) throw syntaxProblem(`unexpected '${operator}'`, line);
  if (expected !== operator) throw syntaxProblem(`unexpected '${operator}', expected '${expected}'`, line);
}

/** One token of a tag; undefined for blanks. */
function readToken(reader: Reader): Token | undefined {
  const { line } = reader;
  const take = (expression: RegExp): string | undefined => {
    const text = match(expression, reader);
    if (text !== undefined) advance(reader, text);
    return text;
  };
  if (take(BLANKS) !== undefined) return undefined;
  const float = reader.source[reader.at - 1] === '.' ? undefined : take(FLOAT);
  if (float !== undefined) return { type: 'float', value: Number(float.replaceAll('_', '')), line };
  const integer = take(INTEGER);
  if (integer !== undefined) {
    const value = parseInteger(integer, 0);
    if (value === undefined) throw syntaxProblem('a whole number must have at most 4300 digits', line);
    return { type: 'integer', value, line };
  }
  const name = take(NAME);
  if (name !== undefined) {
    if (!IDENTIFIER.test(name) || name !== name.normalize('NFKC'))
      throw syntaxProblem(`Invalid character in identifier ${name}`, line);
    return { type: 'name', text: name, line };
  }
  const string = take(STRING);
  if (string !== undefined) return { type: 'string', text: readStringLiteral(string.slice(1, -1), line), line };
  const operator = take(OPERATOR);
  if (operator !== undefined) return { type: 'operator', text: operator as Operator, line };
  throw syntaxProblem(`unexpected char ${JSON.stringify(reader.source[reader.at])}`, line);
}
