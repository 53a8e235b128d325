import {
  matmul,
  mul,
  reduceSum,
  reshape,
  rewrite,
  sameShape,
  withInputs,
  type Graph,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { shareSubexpressions, tableOf, type NodeTable } from './share.ts';

/** The node under reshapes that leave the last axis alone. */
function peel(node: Node): Node {
  let current = node;
  while (current.kind === 'reshape' && current.inputs[0]!.shape.at(-1) === current.shape.at(-1))
    current = current.inputs[0]!;
  return current;
}

function isRowSum(node: Node): node is NodeOf<'reduceSum'> {
  return (
    node.kind === 'reduceSum' &&
    node.attributes.axes.length === 1 &&
    node.attributes.axes[0] === node.inputs[0]!.shape.length - 1
  );
}

/**
 * sum_j A_ij (B C^T)_ij = sum_k B_ik (A C)_ik, used where A C is computed anyway: two passes over a [.., S, S] matrix become
 * two over [.., S, d]. In the gradient of softmax(q k^T) v this is the row sum of P * dP, which equals that of O * dO.
 * Source: Dao et al. 2022 (FlashAttention), appendix B.2.
 */
export function contractRowSums(source: Graph): Graph {
  const shared = shareSubexpressions(source);
  const table = tableOf(shared);
  const rewritten = new Map<Node, Node>();
  return rewrite(shared, (node, inputs) => {
    const result = contractOne(node, table, rewritten) ?? withInputs(node, inputs);
    rewritten.set(node, result);
    return result;
  });
}

function contractOne(node: Node, table: NodeTable, rewritten: ReadonlyMap<Node, Node>): Node | undefined {
  if (!isRowSum(node) || node.inputs[0]!.kind !== 'mul') return undefined;
  const [left, right] = node.inputs[0]!.inputs as [Node, Node];
  // Where the product repeats one side, its rows are not those of B C^T.
  if (!sameShape(left.shape, right.shape)) return undefined;
  const found = contracted(left, right, table) ?? contracted(right, left, table);
  // A product that comes later in the order might read this very sum.
  const [b, product] = [found && rewritten.get(found.b), found && rewritten.get(found.product)];
  if (b === undefined || product === undefined) return undefined;
  return reshape(reduceSum(mul(b, product), { axes: [-1] }), node.shape);
}

/** B and the existing A C, where `weights` is A and `scores` is B C^T, both perhaps reshaped. */
function contracted(
  weights: Node,
  scores: Node,
  table: NodeTable,
): { readonly b: Node; readonly product: Node } | undefined {
  const inner = peel(scores);
  if (
    inner.kind !== 'matmul' ||
    !inner.attributes.transposeB ||
    inner.attributes.transposeA ||
    inner.attributes.scale !== 1
  )
    return undefined;
  const [b, c] = inner.inputs as [Node, Node];
  const a = peel(weights);
  const candidates = [a, table.find(reshape(a, inner.shape))].filter(
    (candidate) => candidate !== undefined && sameShape(candidate.shape, inner.shape),
  );
  for (const candidate of candidates) {
    const product = table.find(matmul(candidate!, c));
    if (product !== undefined) return { b, product };
  }
  return undefined;
}
