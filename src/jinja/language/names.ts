import type { CallArguments, Expression, Parameter, Statement, Target } from './nodes.ts';

/** A name where it stands: read, assigned to, or a parameter. */
export type NameUse = 'load' | 'store' | 'parameter';
export type Visit = (name: string, use: NameUse, line: number) => void;

/** Calls `visit` for every name below the statements, in the order of Jinja's nodes. Fields of namespaces are no names. */
export function eachName(statements: readonly Statement[], visit: Visit): void {
  for (const statement of statements) visitStatement(statement, visit);
}

function visitStatement(node: Statement, visit: Visit): void {
  switch (node.kind) {
    case 'output':
      for (const part of node.parts) if (typeof part !== 'string') eachNameOf(part, visit);
      return;
    case 'set':
      eachTarget(node.target, 'store', visit);
      eachNameOf(node.value, visit);
      return;
    case 'for':
      eachTarget(node.target, 'store', visit);
      eachNameOf(node.items, visit);
      eachName(node.body, visit);
      eachName(node.otherwise, visit);
      if (node.test !== undefined) eachNameOf(node.test, visit);
      return;
    case 'if':
      for (const { test, body } of node.branches) {
        eachNameOf(test, visit);
        eachName(body, visit);
      }
      eachName(node.otherwise, visit);
      return;
    case 'with':
      for (const [target] of node.bindings) eachTarget(target, 'parameter', visit);
      for (const [, value] of node.bindings) eachNameOf(value, visit);
      eachName(node.body, visit);
      return;
    case 'macro':
    case 'call-block':
      if (node.kind === 'call-block' && node.call !== undefined) eachNameOf(node.call, visit);
      eachParameter(node.parameters, visit);
      eachName(node.body, visit);
      return;
    case 'filter-block':
      eachName(node.body, visit);
      eachNameOf(node.filter, visit);
      return;
    case 'set-block':
      eachTarget(node.target, 'store', visit);
      if (node.filter !== undefined) eachNameOf(node.filter, visit);
      eachName(node.body, visit);
      return;
    case 'break':
    case 'continue':
  }
}

export function eachParameter(parameters: readonly Parameter[], visit: Visit): void {
  for (const { name, line } of parameters) visit(name, 'parameter', line);
  for (const { otherwise } of parameters) if (otherwise !== undefined) eachNameOf(otherwise, visit);
}

export function eachTarget(target: Target, use: NameUse, visit: Visit): void {
  if (target.kind === 'name') visit(target.name, use, target.line);
  else if (target.kind === 'targets') for (const item of target.items) eachTarget(item, use, visit);
}

/** Calls `visit` for every name of an expression. */
export function eachNameOf(node: Expression, visit: Visit): void {
  const all = (nodes: readonly (Expression | undefined)[]): void => {
    for (const item of nodes) if (item !== undefined) eachNameOf(item, visit);
  };
  switch (node.kind) {
    case 'name':
      visit(node.name, 'load', node.line);
      return;
    case 'constant':
      return;
    case 'tuple':
    case 'list':
    case 'concat':
      return all(node.items);
    case 'dict':
      return all(node.entries.flat());
    case 'condition':
      return all([node.test, node.yes, node.no]);
    case 'and':
    case 'or':
    case 'arithmetic':
      return all([node.left, node.right]);
    case 'not':
    case 'sign':
    case 'attribute':
      return all([node.value]);
    case 'compare':
      return all([node.first, ...node.steps.map(([, value]) => value)]);
    case 'item':
      return all([node.value, node.key]);
    case 'slice':
      return all(node.parts);
    case 'call':
      return all([node.callee, ...argumentsOf(node.given)]);
    case 'filter':
    case 'test':
      return all([node.value, ...argumentsOf(node.given)]);
  }
}

function argumentsOf({ positional, keywords, rest, keywordRest }: CallArguments): (Expression | undefined)[] {
  return [...positional, ...keywords.map(({ value }) => value), rest, keywordRest];
}

/** Those of `names` that the statements read before they assign to them. */
export function undeclaredNames(statements: readonly Statement[], names: readonly string[]): ReadonlySet<string> {
  const open = new Set(names);
  const found = new Set<string>();
  eachName(statements, (name, use) => {
    if (use === 'load' && open.has(name)) found.add(name);
    else open.delete(name);
  });
  return found;
}
