import { syntaxProblem } from '../problem.ts';
import { Float } from '../python/values.ts';
import type { CallArguments, CompareOperator, Expression, FilterNode, Keyword } from './nodes.ts';
import {
  current,
  deeper,
  expectName,
  expectOperator,
  isName,
  isOperator,
  next,
  skipName,
  skipOperator,
  type TokenStream,
} from './token-stream.ts';
import { describeToken, type Operator, type Token } from './tokens.ts';

/** An expression. Without `mayBranch`, `if` behind it belongs to somebody else. Source: Jinja 3.1, parser.py. */
export function parseExpression(stream: TokenStream, mayBranch = true): Expression {
  return deeper(stream, () => (mayBranch ? parseCondition(stream) : parseOr(stream)));
}

function parseCondition(stream: TokenStream): Expression {
  let { line } = current(stream);
  let yes = parseOr(stream);
  while (skipName(stream, 'if')) {
    const test = parseOr(stream);
    const no = skipName(stream, 'else') ? deeper(stream, () => parseCondition(stream)) : undefined;
    yes = { kind: 'condition', test, yes, no, line };
    line = current(stream).line;
  }
  return yes;
}

function parseOr(stream: TokenStream): Expression {
  const { line } = current(stream);
  let left = parseAnd(stream);
  while (skipName(stream, 'or')) left = { kind: 'or', left, right: parseAnd(stream), line };
  return left;
}

function parseAnd(stream: TokenStream): Expression {
  const { line } = current(stream);
  let left = parseNot(stream);
  while (skipName(stream, 'and')) left = { kind: 'and', left, right: parseNot(stream), line };
  return left;
}

function parseNot(stream: TokenStream): Expression {
  const { line } = current(stream);
  if (!skipName(stream, 'not')) return parseCompare(stream);
  return { kind: 'not', value: deeper(stream, () => parseNot(stream)), line };
}

const COMPARES: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);

function compareOperator(stream: TokenStream): CompareOperator | undefined {
  const token = current(stream);
  if (token.type === 'operator' && COMPARES.has(token.text)) {
    stream.at++;
    return token.text as CompareOperator;
  }
  if (skipName(stream, 'in')) return 'in';
  if (!isName(token, 'not') || !isName(stream.tokens[stream.at + 1], 'in')) return undefined;
  stream.at += 2;
  return 'not in';
}

function parseCompare(stream: TokenStream): Expression {
  const { line } = current(stream);
  const first = parseSum(stream);
  const steps: (readonly [CompareOperator, Expression])[] = [];
  for (let operator = compareOperator(stream); operator !== undefined; operator = compareOperator(stream))
    steps.push([operator, parseSum(stream)]);
  return steps.length === 0 ? first : { kind: 'compare', first, steps, line };
}

/** The operator of this level that stands here, which is then behind. */
function takeOperator<T extends Operator>(stream: TokenStream, operators: readonly T[]): T | undefined {
  const token = current(stream);
  const found = token.type === 'operator' ? operators.find((operator) => operator === token.text) : undefined;
  if (found !== undefined) stream.at++;
  return found;
}

function parseSum(stream: TokenStream): Expression {
  const { line } = current(stream);
  let left = parseConcat(stream);
  for (
    let operator = takeOperator(stream, ['+', '-']);
    operator !== undefined;
    operator = takeOperator(stream, ['+', '-'])
  )
    left = { kind: 'arithmetic', operator, left, right: parseConcat(stream), line };
  return left;
}

function parseConcat(stream: TokenStream): Expression {
  const { line } = current(stream);
  const items = [parseProduct(stream)];
  while (skipOperator(stream, '~')) items.push(parseProduct(stream));
  return items.length === 1 ? items[0]! : { kind: 'concat', items, line };
}

const PRODUCTS = ['*', '/', '//', '%'] as const;

function parseProduct(stream: TokenStream): Expression {
  const { line } = current(stream);
  let left = parsePower(stream);
  for (let operator = takeOperator(stream, PRODUCTS); operator !== undefined; operator = takeOperator(stream, PRODUCTS))
    left = { kind: 'arithmetic', operator, left, right: parsePower(stream), line };
  return left;
}

/** Unlike in Python, powers group from the left: 2 ** 3 ** 2 is 64. */
function parsePower(stream: TokenStream): Expression {
  const { line } = current(stream);
  let left = parseUnary(stream, true);
  while (skipOperator(stream, '**'))
    left = { kind: 'arithmetic', operator: '**', left, right: parseUnary(stream, true), line };
  return left;
}

function parseUnary(stream: TokenStream, withFilter: boolean): Expression {
  const { line } = current(stream);
  const operator = takeOperator(stream, ['+', '-']);
  const value =
    operator === undefined
      ? parsePrimary(stream)
      : ({ kind: 'sign', operator, value: deeper(stream, () => parseUnary(stream, false)), line } as const);
  const postfixed = parsePostfix(stream, value);
  return withFilter ? parseFilters(stream, postfixed) : postfixed;
}

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

/** Whether a name stands for a constant, and cannot be assigned to. */
export function isConstantName(name: string): boolean {
  return CONSTANTS.has(name);
}

export function parsePrimary(stream: TokenStream): Expression {
  const token = next(stream);
  const { line } = token;
  switch (token.type) {
    case 'name': {
      const constant = CONSTANTS.get(token.text);
      return constant === undefined
        ? { kind: 'name', name: token.text, line }
        : { kind: 'constant', value: constant, line };
    }
    case 'string':
      return { kind: 'constant', value: token.text + moreStrings(stream), line };
    case 'integer':
      return { kind: 'constant', value: token.value, line };
    case 'float':
      if (!Number.isFinite(token.value)) throw syntaxProblem('a number must be finite', line);
      return { kind: 'constant', value: new Float(token.value), line };
    case 'operator':
      if (token.text === '(') return parseParentheses(stream);
      if (token.text === '[') return { kind: 'list', items: parseItems(stream, ']'), line };
      if (token.text === '{') return { kind: 'dict', entries: parseEntries(stream), line };
  }
  throw syntaxProblem(`unexpected '${describeToken(token)}'`, line);
}

/** Strings that stand behind each other are one. */
function moreStrings(stream: TokenStream): string {
  let text = '';
  for (let token = current(stream); token.type === 'string'; token = current(stream)) {
    text += token.text;
    stream.at++;
  }
  return text;
}

function parseParentheses(stream: TokenStream): Expression {
  const value = deeper(stream, () => parseTuple(stream, { isBracketed: true }));
  expectOperator(stream, ')');
  return value;
}

function parseItems(stream: TokenStream, end: Operator): Expression[] {
  const items: Expression[] = [];
  while (!isOperator(current(stream), end)) {
    if (items.length > 0) expectOperator(stream, ',');
    if (isOperator(current(stream), end)) break;
    items.push(parseExpression(stream));
  }
  expectOperator(stream, end);
  return items;
}

function parseEntries(stream: TokenStream): (readonly [Expression, Expression])[] {
  const entries: (readonly [Expression, Expression])[] = [];
  while (!isOperator(current(stream), '}')) {
    if (entries.length > 0) expectOperator(stream, ',');
    if (isOperator(current(stream), '}')) break;
    const key = parseExpression(stream);
    expectOperator(stream, ':');
    entries.push([key, parseExpression(stream)]);
  }
  expectOperator(stream, '}');
  return entries;
}

export interface TupleOptions {
  readonly mayBranch?: boolean;
  /** Within brackets () is a tuple too. */
  readonly isBracketed?: boolean;
  /** A name that ends the tuple, such as `recursive`. */
  readonly endName?: string;
}

/** One expression, or a tuple of several with commas between them. */
export function parseTuple(stream: TokenStream, options: TupleOptions = {}): Expression {
  const { line } = current(stream);
  const items: Expression[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0) expectOperator(stream, ',');
    if (isTupleEnd(current(stream), options.endName)) break;
    items.push(parseExpression(stream, options.mayBranch ?? true));
    if (!isOperator(current(stream), ',')) break;
    isTuple = true;
  }
  if (!isTuple && items.length > 0) return items[0]!;
  if (!isTuple && options.isBracketed !== true)
    throw syntaxProblem(`Expected an expression, got '${describeToken(current(stream))}'`, current(stream).line);
  return { kind: 'tuple', items, line };
}

export function isTupleEnd(token: Token, endName: string | undefined): boolean {
  if (token.type === 'variable_end' || token.type === 'block_end' || isOperator(token, ')')) return true;
  return endName !== undefined && isName(token, endName);
}

function parsePostfix(stream: TokenStream, start: Expression): Expression {
  let value = start;
  for (;;) {
    const token = current(stream);
    if (isOperator(token, '.') || isOperator(token, '[')) value = parseSubscript(stream, value);
    else if (isOperator(token, '(')) value = parseCall(stream, value);
    else return value;
  }
}

function parseSubscript(stream: TokenStream, value: Expression): Expression {
  const { line } = current(stream);
  if (skipOperator(stream, '.')) {
    const token = next(stream);
    if (token.type === 'name') return { kind: 'attribute', value, name: token.text, line };
    if (token.type !== 'integer') throw syntaxProblem('expected name or number', token.line);
    return { kind: 'item', value, key: { kind: 'constant', value: token.value, line: token.line }, line };
  }
  expectOperator(stream, '[');
  const keys: Expression[] = [];
  while (!isOperator(current(stream), ']')) {
    if (keys.length > 0) expectOperator(stream, ',');
    keys.push(parseKey(stream));
  }
  expectOperator(stream, ']');
  const key: Expression = keys.length === 1 ? keys[0]! : { kind: 'tuple', items: keys, line };
  return { kind: 'item', value, key, line };
}

function parseKey(stream: TokenStream): Expression {
  const { line } = current(stream);
  const start = isOperator(current(stream), ':') ? undefined : parseExpression(stream);
  if (!skipOperator(stream, ':')) return start!;
  const isHere = (): boolean => !isOperator(current(stream), ']') && !isOperator(current(stream), ',');
  const stop = isHere() && !isOperator(current(stream), ':') ? parseExpression(stream) : undefined;
  const step = skipOperator(stream, ':') && isHere() ? parseExpression(stream) : undefined;
  return { kind: 'slice', parts: [start, stop, step], line };
}

function parseFilters(stream: TokenStream, start: Expression): Expression {
  let value = start;
  for (;;) {
    const token = current(stream);
    if (isOperator(token, '|')) value = parseFilter(stream, value);
    else if (isName(token, 'is')) value = parseTest(stream, value);
    else if (isOperator(token, '(')) value = parseCall(stream, value);
    else return value;
  }
}

const NO_ARGUMENTS: CallArguments = { positional: [], keywords: [], rest: undefined, keywordRest: undefined };

/** `|name(...)`, as often as it stands there; the first stroke may be behind already. */
export function parseFilter(stream: TokenStream, value: Expression | undefined, isInline = false): FilterNode {
  let node: FilterNode | undefined;
  for (let isFirst = isInline; isFirst || skipOperator(stream, '|'); isFirst = false) {
    const { line } = current(stream);
    const name = dottedName(stream);
    const given = isOperator(current(stream), '(') ? parseArguments(stream) : NO_ARGUMENTS;
    node = { kind: 'filter', name, value: node ?? value, given, line };
  }
  return node!;
}

function dottedName(stream: TokenStream): string {
  let name = expectName(stream).text;
  while (skipOperator(stream, '.')) name += `.${expectName(stream).text}`;
  return name;
}

function startsArgument(token: Token): boolean {
  if (token.type === 'operator') return token.text === '[' || token.text === '{';
  if (token.type === 'name') return token.text !== 'else' && token.text !== 'or' && token.text !== 'and';
  return token.type === 'string' || token.type === 'integer' || token.type === 'float';
}

function parseTest(stream: TokenStream, value: Expression): Expression {
  const { line } = next(stream);
  const isNegated = skipName(stream, 'not');
  const name = dottedName(stream);
  let given = NO_ARGUMENTS;
  if (isOperator(current(stream), '(')) given = parseArguments(stream);
  else if (startsArgument(current(stream))) {
    if (isName(current(stream), 'is')) throw syntaxProblem('You cannot chain multiple tests with is', line);
    given = { ...NO_ARGUMENTS, positional: [parsePostfix(stream, parsePrimary(stream))] };
  }
  const test: Expression = { kind: 'test', name, value, given, line };
  return isNegated ? { kind: 'not', value: test, line } : test;
}

function parseCall(stream: TokenStream, callee: Expression): Expression {
  const { line } = current(stream);
  return { kind: 'call', callee, given: parseArguments(stream), line };
}

function parseArguments(stream: TokenStream): CallArguments {
  const { line } = expectOperator(stream, '(');
  const positional: Expression[] = [];
  const keywords: Keyword[] = [];
  let rest: Expression | undefined;
  let keywordRest: Expression | undefined;
  const ensure = (isFine: boolean): void => {
    if (!isFine) throw syntaxProblem('invalid syntax for function call expression', line);
  };
  for (let isFirst = true; !isOperator(current(stream), ')'); isFirst = false) {
    if (!isFirst) expectOperator(stream, ',');
    if (isOperator(current(stream), ')')) break;
    const token = current(stream);
    if (skipOperator(stream, '*')) {
      ensure(rest === undefined && keywordRest === undefined);
      rest = parseExpression(stream);
    } else if (skipOperator(stream, '**')) {
      ensure(keywordRest === undefined);
      keywordRest = parseExpression(stream);
    } else if (token.type === 'name' && isOperator(stream.tokens[stream.at + 1], '=')) {
      ensure(keywordRest === undefined);
      if (keywords.some(({ key }) => key === token.text))
        throw syntaxProblem(`keyword argument repeated: ${token.text}`, line);
      stream.at += 2;
      keywords.push({ key: token.text, value: parseExpression(stream) });
    } else {
      ensure(rest === undefined && keywordRest === undefined && keywords.length === 0);
      positional.push(parseExpression(stream));
    }
  }
  expectOperator(stream, ')');
  return { positional, keywords, rest, keywordRest };
}
