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

type PatternParts =
  | { readonly is: 'any'; readonly name: string; readonly rank: number | undefined }
  | { readonly is: 'scalar'; readonly value: number }
  | { readonly is: 'underReshapes'; readonly inner: Pattern }
  | {
      readonly is: 'operation';
      readonly kinds: readonly NodeKind[];
      readonly inputs: readonly Pattern[];
      readonly name: string | undefined;
      readonly uses: number | undefined;
      readonly attributes: readonly (readonly [name: string, value: unknown])[];
      readonly where: ((node: Node) => boolean) | undefined;
    };

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
  return { is: 'any', name, rank };
}

/** A constant of one element, whatever its rank, that has this value. */
export function scalarOf(value: number): Pattern<Nothing> {
  return { is: 'scalar', value };
}

/** `inner`, perhaps under reshapes that leave the last axis alone. */
export function underReshapes<F extends Found>(inner: Pattern<F>): Pattern<F> {
  return { is: 'underReshapes', inner };
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
  return {
    is: 'operation',
    kinds: typeof kind === 'string' ? [kind] : kind,
    inputs,
    name,
    uses,
    attributes: Object.entries(attributes),
    where: where as ((node: Node) => boolean) | undefined,
  };
}

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
  const walk: Walk<R> = { options, accept: (found) => accept(found as F) };
  return couldFit(pattern, node) ? look({ pattern, node, rest: undefined }, options.given ?? {}, walk) : undefined;
}

interface Walk<R> {
  readonly options: MatchOptions;
  readonly accept: (found: Found) => R | undefined;
}

/** A pattern, the node that it must fit, and what must fit besides. */
interface Pending {
  readonly pattern: Pattern;
  readonly node: Node;
  readonly rest: Pending | undefined;
}

/** Fits what is pending and could fit, first things first; with nothing left it asks `accept`. */
function look<R>(pending: Pending | undefined, found: Found, walk: Walk<R>): R | undefined {
  if (pending === undefined) return walk.accept(found);
  const { pattern, node, rest } = pending;
  switch (pattern.is) {
    case 'any': {
      const bound = bind(pattern.name, node, found);
      return bound && look(rest, bound, walk);
    }
    case 'scalar':
      return look(rest, found, walk);
    case 'underReshapes':
      return look({ pattern: pattern.inner, node: peelReshapes(node), rest }, found, walk);
    case 'operation': {
      if (!isAllowed(pattern, node, walk.options)) return undefined;
      const bound = pattern.name === undefined ? found : bind(pattern.name, node, found);
      if (bound === undefined) return undefined;
      const { inputs } = pattern;
      const asWritten = inputsCouldFit(inputs, node.inputs)
        ? look(pendingInputs(inputs, node.inputs, rest), bound, walk)
        : undefined;
      if (asWritten !== undefined || !COMMUTATIVE.has(node.kind)) return asWritten;
      const turned = [node.inputs[1]!, node.inputs[0]!];
      return inputsCouldFit(inputs, turned) ? look(pendingInputs(inputs, turned, rest), bound, walk) : undefined;
    }
  }
}

function pendingInputs(
  patterns: readonly Pattern[],
  inputs: readonly Node[],
  rest: Pending | undefined,
): Pending | undefined {
  return patterns.reduceRight<Pending | undefined>(
    (after, pattern, i) => ({ pattern, node: inputs[i]!, rest: after }),
    rest,
  );
}

/**
 * Whether kinds, constants, ranks and attributes fit, names aside. Most nodes end here, so it is quick: a pass asks it of every
 * node.
 */
function couldFit(pattern: Pattern, node: Node): boolean {
  switch (pattern.is) {
    case 'any':
      return pattern.rank === undefined || node.shape.length === pattern.rank;
    case 'scalar':
      return scalarValue(node) === pattern.value;
    case 'underReshapes':
      return couldFit(pattern.inner, peelReshapes(node));
    case 'operation': {
      const { kinds, inputs, attributes } = pattern;
      if (!kinds.includes(node.kind) || node.inputs.length !== inputs.length) return false;
      for (const [name, value] of attributes)
        if ((node.attributes as Readonly<Record<string, unknown>>)[name] !== value) return false;
      if (inputsCouldFit(inputs, node.inputs)) return true;
      return COMMUTATIVE.has(node.kind) && inputsCouldFit(inputs, [node.inputs[1]!, node.inputs[0]!]);
    }
  }
}

function inputsCouldFit(patterns: readonly Pattern[], inputs: readonly Node[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (!couldFit(patterns[i]!, inputs[i]!)) return false;
  return true;
}

const COMMUTATIVE: ReadonlySet<NodeKind> = new Set(['add', 'mul', 'maximum', 'minimum', 'equal', 'and', 'or']);

/** The names found so far and this one; undefined where it stands for another node already. */
function bind(name: string, node: Node, found: Found): Found | undefined {
  const known = found[name];
  if (known === undefined) return { ...found, [name]: node };
  return known === node ? found : undefined;
}

/** What is asked of an operation besides its looks. */
function isAllowed(
  { uses, where }: Extract<PatternParts, { is: 'operation' }>,
  node: Node,
  { usesOf, mayTake }: MatchOptions,
): boolean {
  if (mayTake?.(node) === false) return false;
  if (uses !== undefined && usesOf === undefined) throw internal('a pattern with uses must be matched with usesOf');
  return (uses === undefined || usesOf!(node) === uses) && (where === undefined || where(node));
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
