import { infer } from './infer.ts';
import type { Node, NodeAttributes, NodeKind } from './node.ts';

/**
 * The node of a kind over its inputs, shape and dtype inferred; frozen. Passes rebuild nodes with it; everything else calls
 * the functions of operations.ts. Throws bad-input naming the operation and the shapes it got.
 */
export function makeNode<K extends NodeKind>(kind: K, inputs: readonly Node[], attributes: NodeAttributes[K]): Node {
  const { shape, dtype } = infer(kind, inputs, attributes);
  return Object.freeze({ kind, inputs: Object.freeze([...inputs]), attributes, shape, dtype }) as unknown as Node;
}

/** The same operation over other inputs; the node itself when nothing changed. */
export function withInputs(node: Node, inputs: readonly Node[]): Node {
  if (inputs.every((input, i) => input === node.inputs[i])) return node;
  return makeNode(node.kind, inputs, node.attributes as never);
}
