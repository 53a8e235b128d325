import { internal } from '../core/index.ts';
import type { Node, NodeAttributes, NodeKind, NodeOf } from '../graph/index.ts';

/** Nodes under the names that a pattern gives them. */
export type Found = Readonly<Record<string, Node>>;

/**
 * What a part of a graph looks like, as data. `F` is what a match finds: a name for each node that `any` and `op` name. A name
 * that stands twice is one node.
 */
export type Pattern<F extends Found = Found> = PatternParts & {
  /** A type alone; no pattern has it. */
  readonly finds?: F;
};

/** Whether a node may be what a pattern means, names and its readers aside; undefined where every node may. */
type Looks = ((node: Node) => boolean) | undefined;

type PatternParts = { readonly looks: Looks } & (
  | { readonly is: 'any'; readonly name: string }
  | { readonly is: 'scalar' }
  | { readonly is: 'underReshapes'; readonly inner: Pattern }
  | Operation
);

interface Operation {
  readonly is: 'operation';
  readonly kinds: readonly NodeKind[];
  readonly inputs: readonly Pattern[];
  /** Whether the inputs of a node look like `inputs`, in their order or, of two, in the other. */
  readonly inputsLook: (node: Node, isTurned: boolean) => boolean;
  readonly name: string | undefined;
  readonly uses: number | undefined;
}

type Nothing = Readonly<Record<never, never>>;
type FoundBy<P> = P extends Pattern<infer F> ? F : never;
type FoundIn<P extends readonly Pattern[]> = P extends readonly [infer First, ...infer Rest extends readonly Pattern[]]
  ? FoundBy<First> & FoundIn<Rest>
  : Nothing;

/** Any node, or any of a rank. */
export function any<const N extends string>(
  name: N,
  { rank }: { readonly rank?: number } = {},
): Pattern<Readonly<Record<N, Node>>> {
  return { is: 'any', name, looks: rank === undefined ? undefined : (node) => node.shape.length === rank };
}

/** A constant of one element, whatever its rank, that has this value. */
export function scalarOf(value: number): Pattern<Nothing> {
  return { is: 'scalar', looks: (node) => scalarValue(node) === value };
}

/** `inner`, perhaps under reshapes that leave the last axis alone. */
export function underReshapes<F extends Found>(inner: Pattern<F>): Pattern<F> {
  const { looks } = inner;
  return { is: 'underReshapes', inner, looks: looks && ((node) => looks(peelReshapes(node))) };
}

export interface OperationOptions<K extends NodeKind, N extends string> {
  /** The name under which the node itself is found. */
  readonly name?: N;
  /** How often the node is read in all; being an output counts as once. Default: it does not matter. */
  readonly uses?: number;
  /** Attributes that must have these values. Default: none. */
  readonly attributes?: Partial<NodeAttributes[K]>;
  /** What else must hold, of shapes and attributes. */
  readonly where?: (node: NodeOf<K>) => boolean;
}

/**
 * A node of a kind, or of one of several, over inputs that look like `inputs`. Where the operation is commutative the inputs
 * are tried in the order that is written, then in the other.
 */
export function op<const K extends NodeKind, const P extends readonly Pattern[], const N extends string = never>(
  kind: K | readonly K[],
  inputs: P,
  { name, uses, attributes = {}, where }: OperationOptions<K, N> = {},
): Pattern<FoundIn<P> & Readonly<Record<N, NodeOf<K>>>> {
  const kinds: readonly NodeKind[] = typeof kind === 'string' ? [kind] : kind;
  const inputsLook = looksOfInputs(inputs);
  const wanted = Object.entries(attributes);
  const isRight = where as ((node: Node) => boolean) | undefined;
  const looks = (node: Node): boolean =>
    kinds.includes(node.kind) &&
    node.inputs.length === inputs.length &&
    (wanted.length === 0 || hasAttributes(node, wanted)) &&
    (inputsLook(node, false) || (COMMUTATIVE.has(node.kind) && inputsLook(node, true))) &&
    (isRight === undefined || isRight(node));
  return { is: 'operation', kinds, inputs, inputsLook, name, uses, looks };
}

/** Most nodes that a pass asks about end here, so inputs that may be anything are not asked about. */
function looksOfInputs(inputs: readonly Pattern[]): Operation['inputsLook'] {
  const asked = inputs.flatMap(({ looks }, at) => (looks === undefined ? [] : [{ at, looks }]));
  return (node, isTurned) => {
    for (const { at, looks } of asked) if (!looks(node.inputs[isTurned ? inputs.length - 1 - at : at]!)) return false;
    return true;
  };
}

function hasAttributes(node: Node, wanted: readonly (readonly [string, unknown])[]): boolean {
  const own = node.attributes as Readonly<Record<string, unknown>>;
  return wanted.every(([name, value]) => own[name] === value);
}

const COMMUTATIVE: ReadonlySet<NodeKind> = new Set(['add', 'mul', 'maximum', 'minimum', 'equal', 'and', 'or']);

/** What a match knows of the graph around the nodes. */
export interface MatchOptions {
  /** Nodes that are found already. Default: none. */
  readonly given?: Found;
  /** How often a node is read, being an output counted as once. Patterns with `uses` need it. */
  readonly usesOf?: (node: Node) => number;
  /** Whether a node may be an operation of the pattern. Default: every node may. */
  readonly mayTake?: (node: Node) => boolean;
}

/**
 * The first result that `accept` gives for a way in which `node` looks like the pattern; undefined where there is none. A way
 * that it turns down by giving undefined is not the end: other orders of commutative inputs follow.
 */
export function matchPattern<F extends Found, R>(
  pattern: Pattern<F>,
  node: Node,
  accept: (found: F) => R | undefined,
  options: MatchOptions = {},
): R | undefined {
  if (pattern.looks?.(node) === false) return undefined;
  let bound: Bound | undefined;
  for (const name in options.given) bound = { name, node: options.given[name]!, others: bound };
  const walk: Walk<R> = { options, accept: (found) => accept(found as F) };
  return search({ pattern, node, rest: undefined }, bound, walk);
}

interface Walk<R> {
  readonly options: MatchOptions;
  readonly accept: (found: Found) => R | undefined;
}

/** A name that stands for a node, and the names found before it. */
interface Bound {
  readonly name: string;
  readonly node: Node;
  readonly others: Bound | undefined;
}

/** A pattern, the node that looks like it, and what must fit besides. */
interface Pending {
  readonly pattern: Pattern;
  readonly node: Node;
  readonly rest: Pending | undefined;
}

/** Fits what is pending, first things first; with nothing left it asks `accept`. */
function search<R>(pending: Pending | undefined, bound: Bound | undefined, walk: Walk<R>): R | undefined {
  if (pending === undefined) return walk.accept(foundOf(bound));
  const { pattern, node, rest } = pending;
  if (pattern.is === 'scalar') return search(rest, bound, walk);
  if (pattern.is === 'underReshapes')
    return search({ pattern: pattern.inner, node: peelReshapes(node), rest }, bound, walk);
  if (pattern.is === 'operation' && !isAllowed(pattern, node, walk.options)) return undefined;
  const named = pattern.name === undefined ? undefined : nodeNamed(pattern.name, bound);
  if (named !== undefined && named !== node) return undefined;
  const isNew = pattern.name !== undefined && named === undefined;
  const now = isNew ? { name: pattern.name, node, others: bound } : bound;
  return pattern.is === 'any'
    ? search(rest, now, walk)
    : searchInputs(pattern, { node, rest }, (next) => search(next, now, walk));
}

/** The inputs of an operation in their order, then turned, where they look so. */
function searchInputs<R>(
  { inputs, inputsLook }: Operation,
  { node, rest }: Omit<Pending, 'pattern'>,
  go: (pending: Pending | undefined) => R | undefined,
): R | undefined {
  const pendingOf = (reads: readonly Node[]): Pending | undefined => {
    let pending = rest;
    for (let at = inputs.length - 1; at >= 0; at--) pending = { pattern: inputs[at]!, node: reads[at]!, rest: pending };
    return pending;
  };
  const asWritten = inputsLook(node, false) ? go(pendingOf(node.inputs)) : undefined;
  if (asWritten !== undefined || !COMMUTATIVE.has(node.kind) || !inputsLook(node, true)) return asWritten;
  return go(pendingOf(node.inputs.toReversed()));
}

function nodeNamed(name: string, bound: Bound | undefined): Node | undefined {
  let current = bound;
  while (current !== undefined && current.name !== name) current = current.others;
  return current?.node;
}

function foundOf(bound: Bound | undefined): Found {
  const found: Record<string, Node> = {};
  for (let current = bound; current !== undefined; current = current.others) found[current.name] = current.node;
  return found;
}

/** What is asked of an operation's place in the graph. */
function isAllowed({ uses }: Operation, node: Node, { usesOf, mayTake }: MatchOptions): boolean {
  if (mayTake?.(node) === false) return false;
  if (uses === undefined) return true;
  if (usesOf === undefined) throw internal('a pattern with uses must be matched with usesOf');
  return usesOf(node) === uses;
}

/** The value of a scalar constant (any shape of one element), else undefined. */
export function scalarValue(node: Node): number | undefined {
  if (node.kind !== 'constant' || node.attributes.value.data.length !== 1) return undefined;
  return node.attributes.value.data[0];
}

/** The node under reshapes that leave the last axis alone. */
export function peelReshapes(node: Node): Node {
  let current = node;
  while (current.kind === 'reshape' && current.inputs[0]!.shape.at(-1) === current.shape.at(-1))
    current = current.inputs[0]!;
  return current;
}
