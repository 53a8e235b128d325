import { syntaxProblem, tooMuch } from '../problem.ts';
import { describeToken, type Operator, type Token } from './tokens.ts';

/** Expressions and blocks within each other. Python stops at 200 brackets. */
const MAX_DEPTH = 100;

/** The tokens of a template with a place in them. */
export interface TokenStream {
  readonly tokens: readonly Token[];
  at: number;
  depth: number;
  /** The tags that are open, for messages. */
  readonly open: string[];
}

export function createStream(tokens: readonly Token[]): TokenStream {
  return { tokens, at: 0, depth: 0, open: [] };
}

export function current(stream: TokenStream): Token {
  return stream.tokens[stream.at]!;
}

export function next(stream: TokenStream): Token {
  const token = current(stream);
  if (token.type !== 'end') stream.at++;
  return token;
}

export function isName(token: Token | undefined, text: string): boolean {
  return token?.type === 'name' && token.text === text;
}

export function isOperator(token: Token | undefined, text: Operator): boolean {
  return token?.type === 'operator' && token.text === text;
}

export function skipName(stream: TokenStream, text: string): boolean {
  const isThere = isName(current(stream), text);
  if (isThere) stream.at++;
  return isThere;
}

export function skipOperator(stream: TokenStream, text: Operator): boolean {
  const isThere = isOperator(current(stream), text);
  if (isThere) stream.at++;
  return isThere;
}

export function expectOperator(stream: TokenStream, text: Operator): Token {
  if (!isOperator(current(stream), text)) throw unexpected(stream, text);
  return next(stream);
}

export function expectName(stream: TokenStream): Token & { readonly type: 'name' } {
  const token = current(stream);
  if (token.type !== 'name') throw unexpected(stream, 'name');
  stream.at++;
  return token as Token & { readonly type: 'name' };
}

export function expectEnd(stream: TokenStream, type: 'block_end' | 'variable_end'): void {
  if (current(stream).type !== type)
    throw unexpected(stream, type === 'block_end' ? 'end of statement block' : 'end of print statement');
  stream.at++;
}

function unexpected(stream: TokenStream, wanted: string): Error {
  const token = current(stream);
  if (token.type === 'end') return syntaxProblem(`unexpected end of template, expected '${wanted}'.`, token.line);
  return syntaxProblem(`expected token '${wanted}', got '${describeToken(token)}'`, token.line);
}

/** Runs `parse` one level deeper; throws a limit problem when that is too deep. */
export function deeper<T>(stream: TokenStream, parse: () => T): T {
  if (++stream.depth > MAX_DEPTH) {
    const problem = tooMuch(`expressions and blocks must nest at most ${MAX_DEPTH} deep, got more`);
    problem.line = current(stream).line;
    throw problem;
  }
  const parsed = parse();
  stream.depth--;
  return parsed;
}
