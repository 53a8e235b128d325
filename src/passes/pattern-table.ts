import { internal } from '../core/index.ts';
import type { Node, NodeKind } from '../graph/index.ts';
import { matchPattern, type Found, type MatchOptions, type Pattern } from './pattern.ts';

/** An entry of a table of patterns: what a pass looks for, and what it makes of it. */
export interface Entry<Context, Result> {
  /** What both sides compute, in the names of the pattern. */
  readonly formula: string;
  /** The kinds of nodes at which a match can begin. */
  readonly kinds: readonly NodeKind[];
  /** What the entry makes of the part of a graph that ends in `root`; undefined where it does not fit. */
  readonly apply: (root: Node, context: Context) => Result | undefined;
}

export interface EntryParts<F extends Found, Context, Result> {
  readonly formula: string;
  readonly pattern: Pattern<F>;
  /** May turn a match down by giving undefined. */
  readonly build: (found: F, root: Node, context: Context) => Result | undefined;
}

/** An entry of a table, with its names typed by its own pattern. The context holds what matching needs to know, too. */
export function entry<F extends Found, Context extends MatchOptions, Result>({
  formula,
  pattern,
  build,
}: EntryParts<F, Context, Result>): Entry<Context, Result> {
  if (pattern.is !== 'operation') throw internal(`the pattern of ${formula} must be an operation`);
  const { looks } = pattern;
  return {
    formula,
    kinds: pattern.kinds,
    // Asked first: most roots do not look like it.
    apply: (root, context) =>
      looks?.(root) === false
        ? undefined
        : matchPattern(pattern, root, (found) => build(found, root, context), context),
  };
}

/** The entries that can begin at a kind, in their order, for each kind at which one can. */
export type Table<Context, Result> = ReadonlyMap<NodeKind, readonly Entry<Context, Result>[]>;

export function byKind<Context, Result>(entries: readonly Entry<Context, Result>[]): Table<Context, Result> {
  const kinds = new Set(entries.flatMap((one) => one.kinds));
  return new Map([...kinds].map((kind) => [kind, entries.filter((one) => one.kinds.includes(kind))]));
}

/** The first result that an entry gives for the part of a graph that ends in `root`. */
export function firstOf<Context, Result>(
  table: Table<Context, Result>,
  root: Node,
  context: Context,
): Result | undefined {
  for (const { apply } of table.get(root.kind) ?? []) {
    const result = apply(root, context);
    if (result !== undefined) return result;
  }
  return undefined;
}
