import { makeNode, rewrite, type Graph, type Node } from '../graph/index.ts';

/** A number as text that tells all numbers apart, which JSON's null and 0 do not. */
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Text that two nodes share exactly when they compute the same from the same inputs, whose ids are given. */
function keyOf(node: Node, inputIds: readonly number[]): string {
  if (node.kind === 'constant') {
    const { dtype, shape, data } = node.attributes.value;
    return `constant ${dtype} [${shape.join(',')}] ${Array.from(data, numberText).join(',')}`;
  }
  const attributes = JSON.stringify(node.attributes, (_name, value: unknown) =>
    typeof value === 'number' ? numberText(value) : value,
  );
  return `${node.kind} ${attributes} ${inputIds.join(',')}`;
}

/** Numbers nodes so that equal computations get one number; `canonical` gives the first node of each. */
export class NodeTable {
  private readonly ids = new Map<Node, number>();
  private readonly byKey = new Map<string, Node>();

  /** The first node seen that computes what `node` does; `node` itself when it is new. Its inputs must be canonical. */
  canonical(node: Node): Node {
    if (this.ids.has(node)) return node;
    const key = keyOf(
      node,
      node.inputs.map((read) => this.ids.get(read)!),
    );
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    this.ids.set(node, this.ids.size);
    this.byKey.set(key, node);
    return node;
  }

  /** The canonical node that computes what `node` does, if there is one; `node` is not added. */
  find(node: Node): Node | undefined {
    const inputIds = node.inputs.map((read) => this.ids.get(read));
    if (inputIds.some((id) => id === undefined)) return undefined;
    return this.byKey.get(keyOf(node, inputIds as number[]));
  }
}

/** Common subexpressions computed once. Nodes that nothing reaches are gone, as in every graph. */
export function shareSubexpressions(source: Graph): Graph {
  return shareWithTable(source).shared;
}

/** The graph of shareSubexpressions, and the table of its nodes. */
export function shareWithTable(source: Graph): { readonly shared: Graph; readonly table: NodeTable } {
  const table = new NodeTable();
  const shared = rewrite(source, (node, inputs) => {
    const unchanged = inputs.every((read, i) => read === node.inputs[i]);
    return table.canonical(unchanged ? node : makeNode(node.kind, inputs, node.attributes as never));
  });
  return { shared, table };
}
