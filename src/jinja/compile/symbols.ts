import { syntaxProblem } from '../problem.ts';
import { eachNameOf, eachParameter, eachTarget } from '../language/names.ts';
import type { Expression, ForNode, IfNode, Parameter, Statement, Target, WithNode } from '../language/nodes.ts';

/**
 * Where a variable of a frame comes from when the frame is entered: it is set by a loop or a call, looked up among the
 * template's variables, copied from the frame around it, or not there yet.
 */
export type Load = 'parameter' | 'resolve' | 'alias' | 'undefined';

/** The variables of one compiled function: the template, a macro, a recursive loop, or the test of a loop. */
export interface FunctionScope {
  readonly parent: FunctionScope | undefined;
  /** How many slots a frame of it needs; grows while it is compiled. */
  size: number;
  readonly slots: Map<string, number>;
}

export function createFunctionScope(parent: FunctionScope | undefined): FunctionScope {
  return { parent, size: 0, slots: new Map() };
}

/**
 * The names that one frame (a template, a loop's body, a macro, a with) uses: which are its own, and where they come from.
 * A variable that a frame assigns is its own and ends with it; every other is that of the frames around it.
 *
 * Source: Jinja 3.1, idtracking.py.
 */
export interface Symbols {
  readonly level: number;
  readonly parent: Symbols | undefined;
  readonly owner: FunctionScope;
  readonly loads: Map<string, Load>;
  readonly stores: Set<string>;
}

export function createSymbols(parent: Symbols | undefined, owner: FunctionScope): Symbols {
  return { level: parent === undefined ? 0 : parent.level + 1, parent, owner, loads: new Map(), stores: new Set() };
}

/** The frame that a name belongs to, seen from `symbols`. */
function ownerOf(symbols: Symbols | undefined, name: string): Symbols | undefined {
  for (let at = symbols; at !== undefined; at = at.parent) if (at.loads.has(name)) return at;
  return undefined;
}

function load(symbols: Symbols, name: string): void {
  if (ownerOf(symbols, name) === undefined) symbols.loads.set(name, 'resolve');
}

function store(symbols: Symbols, name: string): void {
  symbols.stores.add(name);
  if (!symbols.loads.has(name))
    symbols.loads.set(name, ownerOf(symbols.parent, name) === undefined ? 'undefined' : 'alias');
}

export function declareParameter(symbols: Symbols, name: string): void {
  symbols.stores.add(name);
  symbols.loads.set(name, 'parameter');
}

function loadAll(symbols: Symbols, node: Expression): void {
  eachNameOf(node, (name) => load(symbols, name));
}

function storeTarget(symbols: Symbols, target: Target): void {
  if (target.kind === 'field') load(symbols, target.name);
  else if (target.kind === 'name') store(symbols, target.name);
  else for (const item of target.items) storeTarget(symbols, item);
}

/** What a statement uses in the frame that it stands in; frames of its own are left out. */
function analyze(symbols: Symbols, node: Statement): void {
  switch (node.kind) {
    case 'output':
      for (const part of node.parts) if (typeof part !== 'string') loadAll(symbols, part);
      return;
    case 'set':
      loadAll(symbols, node.value);
      storeTarget(symbols, node.target);
      return;
    case 'set-block':
      storeTarget(symbols, node.target);
      return;
    case 'if':
      analyzeIf(symbols, node);
      return;
    case 'for':
      loadAll(symbols, node.items);
      return;
    case 'macro':
      store(symbols, node.name);
      return;
    case 'call-block':
      if (node.call !== undefined) loadAll(symbols, node.call);
      return;
    case 'filter-block':
      loadAll(symbols, node.filter);
      return;
    case 'with':
      for (const [, value] of node.bindings) loadAll(symbols, value);
      return;
    case 'break':
    case 'continue':
  }
}

export function analyzeBody(symbols: Symbols, body: readonly Statement[]): void {
  for (const statement of body) analyze(symbols, statement);
}

function copyOf(symbols: Symbols): Symbols {
  return { ...symbols, loads: new Map(symbols.loads), stores: new Set(symbols.stores) };
}

/** A name that only some branches assign may keep what it was before. */
function analyzeIf(symbols: Symbols, { branches: [first, ...others], otherwise }: Omit<IfNode, 'kind' | 'line'>): void {
  loadAll(symbols, first!.test);
  const [body, others_, rest] = [copyOf(symbols), copyOf(symbols), copyOf(symbols)];
  analyzeBody(body, first!.body);
  for (const branch of others) analyzeIf(others_, { branches: [branch], otherwise: [] });
  analyzeBody(rest, otherwise);
  const known = new Set(symbols.stores);
  const assigned = new Set([...body.stores, ...others_.stores, ...rest.stores].filter((name) => !known.has(name)));
  for (const copy of [body, others_, rest]) {
    for (const [name, from] of copy.loads) symbols.loads.set(name, from);
    for (const name of copy.stores) symbols.stores.add(name);
  }
  for (const name of assigned)
    symbols.loads.set(name, ownerOf(symbols.parent, name) === undefined ? 'resolve' : 'alias');
}

function declareTarget(symbols: Symbols, target: Target): void {
  eachTarget(target, 'parameter', (name) => declareParameter(symbols, name));
}

/** The frame of a loop's body, of its else, or of its test. */
export function analyzeFor(symbols: Symbols, node: ForNode, branch: 'body' | 'else' | 'test'): void {
  if (branch !== 'else') declareTarget(symbols, node.target);
  if (branch === 'test') loadAll(symbols, node.test!);
  else analyzeBody(symbols, branch === 'body' ? node.body : node.otherwise);
}

export function analyzeWith(symbols: Symbols, node: WithNode): void {
  for (const [target] of node.bindings) declareTarget(symbols, target);
  analyzeBody(symbols, node.body);
}

/** The frame of a macro or call block. */
export function analyzeMacro(symbols: Symbols, parameters: readonly Parameter[], body: readonly Statement[]): void {
  eachParameter(parameters, (name, use) =>
    use === 'parameter' ? declareParameter(symbols, name) : load(symbols, name),
  );
  analyzeBody(symbols, body);
}

/** The frame of a filter block: its body, then its filter. */
export function analyzeFilterBlock(symbols: Symbols, body: readonly Statement[], filter: Expression): void {
  analyzeBody(symbols, body);
  loadAll(symbols, filter);
}

/** Where a variable lies: so many functions outwards, in this slot. */
export interface Place {
  readonly depth: number;
  readonly slot: number;
}

/** The place of a name that the frame has been analyzed for. Throws where Jinja's own compiler stops. */
export function placeOf(
  symbols: Symbols,
  from: FunctionScope,
  { name, line }: { readonly name: string; readonly line: number },
): Place {
  const owner = ownerOf(symbols, name);
  if (owner === undefined)
    throw syntaxProblem(`Tried to resolve a name to a reference that was unknown to the frame ('${name}')`, line);
  let depth = 0;
  for (let at: FunctionScope | undefined = from; at !== owner.owner; at = at.parent) {
    if (at === undefined) throw syntaxProblem(`the name '${name}' is out of reach`, line);
    depth++;
  }
  return { depth, slot: slotOf(owner, name) };
}

/** Frames of the same level of a function share the slots of their names, as local variables of a function do. */
export function slotOf({ owner, level }: Symbols, name: string): number {
  const key = `${level} ${name}`;
  const known = owner.slots.get(key);
  if (known !== undefined) return known;
  const slot = owner.size++;
  owner.slots.set(key, slot);
  return slot;
}
