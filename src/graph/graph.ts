import { badInput, internal } from '../core/index.ts';
import { dimSymbols, formatShape, type Dim } from './dim.ts';
import { infer } from './infer.ts';
import type { Node, NodeOf } from './node.ts';

/** Named outputs; the nodes that they reach are the graph. */
export interface Graph {
  readonly outputs: Readonly<Record<string, Node>>;
}

/**
 * Named outputs as a graph.
 *
 * @example
 * ```ts run
 * import { graph, input } from 'preftune';
 * import { mul, reduceSum } from 'preftune/graph';
 *
 * const x = input('x', ['B', 3]);
 * const source = graph({ squares: mul(x, x), total: reduceSum(x) });
 * console.log(Object.keys(source.outputs)); // [ 'squares', 'total' ]
 * ```
 */
export function graph(outputs: Readonly<Record<string, Node>>): Graph {
  return Object.freeze({ outputs: Object.freeze({ ...outputs }) });
}

/** Every node that `roots` reach, each after its inputs; the same order for the same graph. Iterative: depth is no limit. */
export function topologicalOrder(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const entered = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const enter = (node: Node): void => {
    if (entered.has(node)) return;
    entered.add(node);
    stack.push({ node, next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      const following = frame.node.inputs[frame.next++];
      if (following !== undefined) enter(following);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}

export function graphNodes({ outputs }: Graph): Node[] {
  return topologicalOrder(Object.values(outputs));
}

/** The graph's inputs, sorted by name. */
export function graphInputs(source: Graph): NodeOf<'input'>[] {
  const inputs = graphNodes(source).filter((node) => node.kind === 'input');
  return inputs.toSorted((a, b) => (a.attributes.name < b.attributes.name ? -1 : 1));
}

/** For every node, the nodes that read it (with repetition), in topological order. */
export function consumersOf(nodes: readonly Node[]): Map<Node, Node[]> {
  const consumers = new Map<Node, Node[]>(nodes.map((node) => [node, []]));
  for (const node of nodes) for (const read of node.inputs) consumers.get(read)?.push(node);
  return consumers;
}

/** Rebuilds the outputs with every node replaced by what `replace` gives for it and its already replaced inputs. */
export function rewrite(source: Graph, replace: (node: Node, inputs: readonly Node[]) => Node): Graph {
  const replaced = new Map<Node, Node>();
  for (const node of graphNodes(source)) {
    replaced.set(
      node,
      replace(
        node,
        node.inputs.map((read) => replaced.get(read)!),
      ),
    );
  }
  return graph(Object.fromEntries(Object.entries(source.outputs).map(([name, node]) => [name, replaced.get(node)!])));
}

function symbolsIn(dims: readonly Dim[]): string[] {
  return dims.flatMap(dimSymbols);
}

/**
 * Checks what no single node can: input names are unique, every symbol is itself a dimension of some input (so that its
 * value is known at run time), and every node still has the shape that its rule infers. Throws bad-input for the first two,
 * internal for the last. Runs between passes.
 *
 * @example
 * ```ts run
 * import { graph, input, verifyGraph } from 'preftune';
 *
 * verifyGraph(graph({ a: input('x', ['T']), b: input('y', ['T', 2]) }));
 * try {
 *   verifyGraph(graph({ a: input('x', ['T']), b: input('x', ['T', 2]) }));
 * } catch (error) {
 *   console.log(String(error)); // PreftuneError: graph: input names must be unique, got two inputs named "x"
 * }
 * ```
 */
export function verifyGraph(source: Graph): void {
  const nodes = graphNodes(source);
  const names = new Map<string, Node>();
  const known = new Set<string>();
  for (const node of nodes) {
    if (node.kind !== 'input') continue;
    const { name } = node.attributes;
    if (names.has(name)) throw badInput(`graph: input names must be unique, got two inputs named "${name}"`);
    names.set(name, node);
    for (const dim of node.shape) if (typeof dim === 'string' && !dim.includes('*')) known.add(dim);
  }
  for (const node of nodes) {
    const dims = node.kind === 'dimSize' ? [node.attributes.dim] : node.shape;
    const unknown = symbolsIn(dims).find((symbol) => !known.has(symbol));
    if (unknown !== undefined) {
      throw badInput(
        `graph: symbol ${unknown} of ${node.kind} ${formatShape(dims)} must be a dimension of some input, it is none`,
      );
    }
    const { shape, dtype } = infer(node.kind, node.inputs, node.attributes as never);
    if (dtype !== node.dtype || formatShape(shape) !== formatShape(node.shape)) {
      throw internal(
        `${node.kind} has ${node.dtype} ${formatShape(node.shape)} but its rule infers ${dtype} ${formatShape(shape)}`,
      );
    }
  }
}
