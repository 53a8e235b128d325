import {
  consumersOf,
  evaluateDim,
  graphNodes,
  makeNode,
  matmul,
  rewrite,
  type Dim,
  type DimValues,
  type Graph,
  type Node,
  type NodeOf,
} from '../graph/index.ts';

type Matmul = NodeOf<'matmul'>;

/** Typical values of symbolic dimensions, for choosing between equal expressions; they never change a result. */
export type DimHints = DimValues;

const UNKNOWN_SYMBOL = 256;

/** The size that a shape typically has. */
export function typicalSize(shape: readonly Dim[], hints: DimHints): number {
  return shape.reduce<number>((size, dim) => {
    const symbols = typeof dim === 'string' ? dim.split('*').filter((part) => !/^\d/.test(part)) : [];
    const values = Object.fromEntries(symbols.map((symbol) => [symbol, hints[symbol] ?? UNKNOWN_SYMBOL]));
    return size * evaluateDim(dim, values);
  }, 1);
}

/** Multiply-add pairs of a product. */
function cost(node: Node, hints: DimHints): number {
  const { inputs, attributes, shape } = node as Matmul;
  const inner = attributes.transposeA ? inputs[0]!.shape.at(-2)! : inputs[0]!.shape.at(-1)!;
  return typicalSize([...shape, inner], hints);
}

function isMatrixProduct(node: Node): node is Matmul {
  return node.kind === 'matmul' && node.inputs.every((read) => read.shape.length === 2);
}

/** op(a) or op(a)^T as the operand of a product: the node and whether its flag is set. */
interface Operand {
  readonly node: Node;
  readonly transposed: boolean;
}

function product(left: Operand, right: Operand, scale: number): Node {
  return matmul(left.node, right.node, { transposeA: left.transposed, transposeB: right.transposed, scale });
}

function operandsOf({ inputs, attributes }: Matmul): readonly [Operand, Operand] {
  return [
    { node: inputs[0]!, transposed: attributes.transposeA },
    { node: inputs[1]!, transposed: attributes.transposeB },
  ];
}

function flip({ node, transposed }: Operand): Operand {
  return { node, transposed: !transposed };
}

/** (A B) C as A (B C), or C (A B) as (C A) B, where `inner` is the operand of `outer` that is A B. */
function regrouped(outer: Matmul, inner: Matmul): Node {
  const [left, right] = operandsOf(outer);
  const isLeft = left.node === inner;
  const [a, b] = operandsOf(inner);
  const innerTransposed = isLeft ? left.transposed : right.transposed;
  // (A B)^T = B^T A^T
  const [first, second] = innerTransposed ? [flip(b), flip(a)] : [a, b];
  const scale = outer.attributes.scale * inner.attributes.scale;
  if (isLeft) {
    const joined = product(second, right, scale);
    return product(first, { node: joined, transposed: false }, 1);
  }
  const joined = product(left, first, scale);
  return product({ node: joined, transposed: false }, second, 1);
}

/**
 * Matrix products grouped the cheaper way. Where every reader of A B is itself a product, (A B) C becomes A (B C) if that
 * takes fewer operations in all for the hinted sizes. So an adapter's gradient (dY^T X) A^T, which would form the gradient
 * of the whole weight, becomes dY^T (X A^T), two thin products.
 */
export function reassociate(source: Graph, hints: DimHints): Graph {
  const nodes = graphNodes(source);
  const consumers = consumersOf(nodes);
  const returned = new Set(Object.values(source.outputs));
  const known = new Set(nodes);
  const replacements = new Map<Node, Matmul>();
  for (const inner of nodes) {
    if (!isMatrixProduct(inner) || returned.has(inner) || replacements.has(inner)) continue;
    const readers = [...new Set(consumers.get(inner))];
    const eligible =
      readers.length > 0 &&
      readers.every(
        (reader) => isMatrixProduct(reader) && reader.inputs[0] !== reader.inputs[1] && !replacements.has(reader),
      );
    if (!eligible) continue;
    const now = cost(inner, hints) + readers.reduce((sum, reader) => sum + cost(reader, hints), 0);
    const then = readers.reduce((sum, reader) => {
      const outer = regrouped(reader as Matmul, inner) as Matmul;
      const joined = outer.inputs.find((read) => !known.has(read))!;
      return sum + cost(outer, hints) + cost(joined, hints);
    }, 0);
    if (then < now) for (const reader of readers) replacements.set(reader, inner);
  }
  return rewriteRegrouped(source, replacements);
}

function rewriteRegrouped(source: Graph, replacements: ReadonlyMap<Node, Matmul>): Graph {
  const current = new Map<Node, Node>();
  return rewrite(source, (node, inputs) => {
    const inner = replacements.get(node);
    const rebuilt = makeNode(node.kind, inputs, node.attributes as never) as Matmul;
    const innerNow = inner && (current.get(inner) as Matmul | undefined);
    const result = innerNow === undefined ? rebuilt : regrouped(rebuilt, innerNow);
    current.set(node, result);
    return result;
  });
}
