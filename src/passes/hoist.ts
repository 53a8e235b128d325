import { graph, graphNodes, input, rewrite, withInputs, type Graph, type Node } from '../graph/index.ts';

/** A graph cut in two: what depends on the invariant inputs alone, and the rest, which reads its results as inputs. */
export interface Hoisted {
  /** Computed once while the invariant inputs stay as they are. No outputs when there is nothing to hoist. */
  readonly once: Graph;
  /** Computed for every batch; its inputs include the outputs of `once` under their names. */
  readonly body: Graph;
}

/**
 * Moves out of a graph whatever depends only on inputs for which `isInvariant` holds (weights, between two optimizer
 * steps), such as W + scale B A. Constants alone stay where they are. Outputs of `once` are named hoisted/0, hoisted/1, ...
 */
export function hoist(source: Graph, isInvariant: (inputName: string) => boolean): Hoisted {
  const invariant = new Set<Node>();
  const needsInput = new Set<Node>();
  const nodes = graphNodes(source);
  for (const node of nodes) {
    const fixed =
      node.kind === 'input'
        ? isInvariant(node.attributes.name)
        : node.kind !== 'dimSize' && node.kind !== 'iota' && node.inputs.every((read) => invariant.has(read));
    if (!fixed || node.shape.some((dim) => typeof dim === 'string')) continue;
    invariant.add(node);
    if (node.kind === 'input' || node.inputs.some((read) => needsInput.has(read))) needsInput.add(node);
  }
  const worthCutting = (node: Node): boolean =>
    needsInput.has(node) && node.kind !== 'input' && node.kind !== 'reshape';
  const returned = new Set(Object.values(source.outputs));
  const cut = new Map<Node, Node>();
  for (const node of nodes) {
    const reads = invariant.has(node) ? (returned.has(node) ? [node] : []) : node.inputs;
    for (const read of reads) {
      const root = peelReshapes(read);
      if (worthCutting(root) && !cut.has(root)) cut.set(root, input(`hoisted/${cut.size}`, root.shape, root.dtype));
    }
  }
  const once = graph(
    Object.fromEntries([...cut].map(([node, stand]) => [(stand.attributes as { name: string }).name, node])),
  );
  const body = rewrite(source, (node, inputs) => {
    const stand = cut.get(node);
    return stand ?? withInputs(node, inputs);
  });
  return { once, body };
}

function peelReshapes(node: Node): Node {
  let current = node;
  while (current.kind === 'reshape') current = current.inputs[0]!;
  return current;
}
