import { syntaxProblem, unsupported } from '../problem.ts';
import type { CallNode, Expression, NameNode, Parameter, Statement, Target } from './nodes.ts';
import { tokenize } from './lexer.ts';
import {
  isConstantName,
  isTupleEnd,
  parseExpression,
  parseFilter,
  parsePrimary,
  parseTuple,
} from './parse-expression.ts';
import {
  createStream,
  current,
  deeper,
  expectEnd,
  expectName,
  expectOperator,
  isOperator,
  next,
  skipName,
  skipOperator,
  type TokenStream,
} from './token-stream.ts';
import { describeToken } from './tokens.ts';

/** The statements of a template. Throws syntax problems, and unsupported ones for tags that need other templates. */
export function parseTemplate(template: string): readonly Statement[] {
  const stream = createStream(tokenize(template));
  return parseBody(stream, []);
}

/** Statements up to one of the tags `ends`, whose name is then the current token; up to the end of the template without any. */
function parseBody(stream: TokenStream, ends: readonly string[]): Statement[] {
  const body: Statement[] = [];
  let parts: (string | Expression)[] = [];
  let partsLine = 1;
  const flush = (): void => {
    if (parts.length > 0) body.push({ kind: 'output', parts, line: partsLine });
    parts = [];
  };
  for (let token = current(stream); token.type !== 'end'; token = current(stream)) {
    if (parts.length === 0) partsLine = token.line;
    stream.at++;
    if (token.type === 'data') parts.push(token.text);
    else if (token.type === 'variable_begin') {
      parts.push(parseTuple(stream));
      expectEnd(stream, 'variable_end');
    } else {
      flush();
      const tag = current(stream);
      if (tag.type === 'name' && ends.includes(tag.text)) return body;
      body.push(deeper(stream, () => parseStatement(stream, ends)));
      expectEnd(stream, 'block_end');
    }
  }
  flush();
  if (ends.length > 0) throw unclosed(stream, ends);
  return body;
}

function unclosed(stream: TokenStream, ends: readonly string[]): Error {
  const wanted = ends.map((end) => `'${end}'`).join(' or ');
  const innermost = stream.open.at(-1);
  return syntaxProblem(
    `Unexpected end of template. Jinja was looking for the following tags: ${wanted}.` +
      (innermost === undefined ? '' : ` The innermost block that needs to be closed is '${innermost}'.`),
    current(stream).line,
  );
}

/** The body of a tag that ends here, and the name of the tag behind it. */
function parseBlock(stream: TokenStream, ...ends: string[]): { body: Statement[]; end: string } {
  skipOperator(stream, ':');
  expectEnd(stream, 'block_end');
  const body = parseBody(stream, ends);
  return { body, end: expectName(stream).text };
}

const REFUSED: ReadonlySet<string> = new Set(['block', 'extends', 'include', 'from', 'import', 'autoescape']);

function parseStatement(stream: TokenStream, ends: readonly string[]): Statement {
  const tag = next(stream);
  if (tag.type !== 'name') throw syntaxProblem('tag name expected', tag.line);
  const { text: name, line } = tag;
  if (REFUSED.has(name)) {
    const problem = unsupported(`the tag ${name}`);
    problem.line = line;
    throw problem;
  }
  const parse = Object.hasOwn(STATEMENTS, name) ? STATEMENTS[name] : undefined;
  if (parse === undefined) throw unknownTag(stream, { name, line, ends });
  stream.open.push(name);
  const statement = parse(stream, line);
  stream.open.pop();
  return statement;
}

function unknownTag(
  stream: TokenStream,
  { name, line, ends }: { readonly name: string; readonly line: number; readonly ends: readonly string[] },
): Error {
  const looking =
    ends.length === 0
      ? ''
      : ` Jinja was looking for the following tags: ${ends.map((end) => `'${end}'`).join(' or ')}.`;
  const innermost = stream.open.at(-1);
  return syntaxProblem(
    `Encountered unknown tag '${name}'.${looking}${innermost === undefined ? '' : ` The innermost block that needs to be closed is '${innermost}'.`}`,
    line,
  );
}

const STATEMENTS: Readonly<Record<string, (stream: TokenStream, line: number) => Statement>> = {
  for: parseFor,
  if: parseIf,
  set: parseSet,
  macro: parseMacro,
  call: parseCallBlock,
  filter: parseFilterBlock,
  with: parseWith,
  print: parsePrint,
  generation: (stream, line) => ({
    kind: 'call-block',
    call: undefined,
    parameters: [],
    body: parseBlock(stream, 'endgeneration').body,
    line,
  }),
  break: (_stream, line) => ({ kind: 'break', line }),
  continue: (_stream, line) => ({ kind: 'continue', line }),
};

function parseFor(stream: TokenStream, line: number): Statement {
  const target = parseTarget(stream, { endName: 'in' });
  if (!skipName(stream, 'in'))
    throw syntaxProblem(`expected token 'in', got '${describeToken(current(stream))}'`, current(stream).line);
  const items = parseTuple(stream, { mayBranch: false, endName: 'recursive' });
  const test = skipName(stream, 'if') ? parseExpression(stream) : undefined;
  const isRecursive = skipName(stream, 'recursive');
  const { body, end } = parseBlock(stream, 'endfor', 'else');
  const otherwise = end === 'else' ? parseBlock(stream, 'endfor').body : [];
  return { kind: 'for', target, items, test, isRecursive, body, otherwise, line };
}

function parseIf(stream: TokenStream, line: number): Statement {
  const branches: { test: Expression; body: Statement[]; line: number }[] = [];
  for (let branchLine = line; ; branchLine = current(stream).line) {
    const test = parseTuple(stream, { mayBranch: false });
    const { body, end } = parseBlock(stream, 'elif', 'else', 'endif');
    branches.push({ test, body, line: branchLine });
    if (end === 'elif') continue;
    const otherwise = end === 'else' ? parseBlock(stream, 'endif').body : [];
    return { kind: 'if', branches, otherwise, line };
  }
}

function parseSet(stream: TokenStream, line: number): Statement {
  const target = parseTarget(stream, { mayBeField: true });
  if (skipOperator(stream, '=')) return { kind: 'set', target, value: parseTuple(stream), line };
  const filter = isOperator(current(stream), '|') ? parseFilter(stream, undefined) : undefined;
  return { kind: 'set-block', target, filter, body: parseBlock(stream, 'endset').body, line };
}

function parseMacro(stream: TokenStream, line: number): Statement {
  const { name } = parseNameTarget(stream);
  const parameters = parseParameters(stream);
  return { kind: 'macro', name, parameters, body: parseBlock(stream, 'endmacro').body, line };
}

function parseCallBlock(stream: TokenStream, line: number): Statement {
  const parameters = isOperator(current(stream), '(') ? parseParameters(stream) : [];
  const call = parseExpression(stream);
  if (call.kind !== 'call') throw syntaxProblem('expected call', line);
  return {
    kind: 'call-block',
    call: call satisfies CallNode,
    parameters,
    body: parseBlock(stream, 'endcall').body,
    line,
  };
}

function parseFilterBlock(stream: TokenStream, line: number): Statement {
  const filter = parseFilter(stream, undefined, true);
  return { kind: 'filter-block', filter, body: parseBlock(stream, 'endfilter').body, line };
}

function parseWith(stream: TokenStream, line: number): Statement {
  const bindings: (readonly [Target, Expression])[] = [];
  while (current(stream).type !== 'block_end') {
    if (bindings.length > 0) expectOperator(stream, ',');
    const target = parseTarget(stream, {});
    expectOperator(stream, '=');
    bindings.push([target, parseExpression(stream)]);
  }
  return { kind: 'with', bindings, body: parseBlock(stream, 'endwith').body, line };
}

function parsePrint(stream: TokenStream, line: number): Statement {
  const parts: Expression[] = [];
  while (current(stream).type !== 'block_end') {
    if (parts.length > 0) expectOperator(stream, ',');
    parts.push(parseExpression(stream));
  }
  return { kind: 'output', parts, line };
}

function parseParameters(stream: TokenStream): Parameter[] {
  const parameters: Parameter[] = [];
  expectOperator(stream, '(');
  while (!isOperator(current(stream), ')')) {
    if (parameters.length > 0) expectOperator(stream, ',');
    const { name, line } = parseNameTarget(stream);
    const otherwise = skipOperator(stream, '=') ? parseExpression(stream) : undefined;
    if (otherwise === undefined && parameters.at(-1)?.otherwise !== undefined)
      throw syntaxProblem('non-default argument follows default argument', line);
    if (parameters.some((parameter) => parameter.name === name))
      throw syntaxProblem(`duplicate argument '${name}' in function definition`, line);
    parameters.push({ name, otherwise, line });
  }
  expectOperator(stream, ')');
  return parameters;
}

function parseNameTarget(stream: TokenStream): NameNode {
  const { text: name, line } = expectName(stream);
  if (isConstantName(name)) throw syntaxProblem("can't assign to 'const'", line);
  return { kind: 'name', name, line };
}

interface TargetOptions {
  readonly endName?: string;
  /** `name.field` is allowed, which assigns to a namespace. */
  readonly mayBeField?: boolean;
}

/** What is assigned to: a name, a field of a namespace, or several with commas between them. */
function parseTarget(stream: TokenStream, { endName, mayBeField = false }: TargetOptions): Target {
  const { line } = current(stream);
  const items: Target[] = [];
  for (;;) {
    if (items.length > 0) expectOperator(stream, ',');
    if (isTupleEnd(current(stream), endName)) break;
    items.push(parseOneTarget(stream, mayBeField));
    if (isOperator(current(stream), ',')) continue;
    if (items.length === 1) return items[0]!;
    break;
  }
  if (items.length === 0)
    throw syntaxProblem(`Expected an expression, got '${describeToken(current(stream))}'`, current(stream).line);
  return { kind: 'targets', items, line };
}

function parseOneTarget(stream: TokenStream, mayBeField: boolean): Target {
  const token = current(stream);
  if (
    mayBeField &&
    token.type === 'name' &&
    !isConstantName(token.text) &&
    isOperator(stream.tokens[stream.at + 1], '.')
  ) {
    stream.at += 2;
    return { kind: 'field', name: token.text, field: expectName(stream).text, line: token.line };
  }
  return asTarget(parsePrimary(stream));
}

function asTarget(node: Expression): Target {
  if (node.kind === 'name') return node;
  if (node.kind === 'tuple') return { kind: 'targets', items: node.items.map(asTarget), line: node.line };
  throw syntaxProblem(`can't assign to '${node.kind}'`, node.line);
}
