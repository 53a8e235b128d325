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
} from '../graph/index.ts';
import { byKind, entry, firstOf } from './pattern-table.ts';
import { any, op, peelReshapes, underReshapes, type MatchOptions } from './pattern.ts';
import { shareWithTable, type NodeTable } from './share.ts';

interface Context extends MatchOptions {
  /** Every node of the graph before. */
  readonly table: NodeTable;
  /** What stands for the nodes that the walk has passed. */
  readonly rewritten: ReadonlyMap<Node, Node>;
}

const CONTRACTIONS = byKind<Context, Node>([
  entry({
    formula: 'sum_j A_ij (B C^T)_ij = sum_k B_ik (A C)_ik, where A C is computed anyway',
    pattern: op(
      'reduceSum',
      [
        op(
          'mul',
          [
            any('weights'),
            underReshapes(
              op('matmul', [any('B'), any('C')], {
                name: 'scores',
                attributes: { transposeA: false, transposeB: true, scale: 1 },
              }),
            ),
          ],
          // Where the product repeats one side, its rows are not those of B C^T.
          { where: ({ inputs }) => sameShape(inputs[0]!.shape, inputs[1]!.shape) },
        ),
      ],
      { where: ({ attributes: { axes }, inputs }) => axes.length === 1 && axes[0] === inputs[0]!.shape.length - 1 },
    ),
    build: ({ weights, scores, B, C }, root, { table, rewritten }) => {
      const found = existingProduct(weights, { scores, C, table });
      // A product that comes later in the order might read this very sum.
      const [b, product] = [rewritten.get(B), found && rewritten.get(found)];
      if (b === undefined || product === undefined) return undefined;
      return reshape(reduceSum(mul(b, product), { axes: [-1] }), root.shape);
    },
  }),
]);

/** The node A C of the graph, where `weights` is A, perhaps reshaped, and A has the shape of the scores. */
function existingProduct(
  weights: Node,
  { scores, C, table }: { readonly scores: Node; readonly C: Node; readonly table: NodeTable },
): Node | undefined {
  const a = peelReshapes(weights);
  for (const candidate of [a, table.find(reshape(a, scores.shape))]) {
    if (candidate === undefined || !sameShape(candidate.shape, scores.shape)) continue;
    const product = table.find(matmul(candidate, C));
    if (product !== undefined) return product;
  }
  return undefined;
}

/**
 * Row sums over a [.., S, S] matrix become row sums over a [.., S, d] matrix that is there. In the gradient of softmax(q k^T) v
 * the row sum of P * dP becomes that of O * dO. Source: Dao et al. 2022 (FlashAttention), appendix B.2.
 */
export function contractRowSums(source: Graph): Graph {
  const { shared, table } = shareWithTable(source);
  const rewritten = new Map<Node, Node>();
  return rewrite(shared, (node, inputs) => {
    const result = firstOf(CONTRACTIONS, node, { table, rewritten }) ?? withInputs(node, inputs);
    rewritten.set(node, result);
    return result;
  });
}
