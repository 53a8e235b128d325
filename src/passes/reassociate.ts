import {
  consumersOf,
  evaluateDim,
  graphNodes,
  matmul,
  rewrite,
  withInputs,
  type Dim,
  type DimValues,
  type Graph,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { byKind, entry, firstOf, type Entry } from './pattern-table.ts';
import { any, op, type MatchOptions, type Pattern } from './pattern.ts';

type Matmul = NodeOf<'matmul'>;

/** Typical values of symbolic dimensions, for choosing between equal expressions; they never change a result. */
export type DimHints = DimValues;

const UNKNOWN_SYMBOL = 256;

/** The size that a shape typically has. */
export function typicalSize(shape: readonly Dim[], hints: DimHints): number {
  return shape.reduce<number>((size, dim) => {
    if (typeof dim === 'number') return size * dim;
    const symbols = dim.split('*').filter((part) => !/^\d/.test(part));
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

/** op(a) or op(a)^T as the operand of a product: the node and whether its flag is set. */
interface Operand {
  readonly node: Node;
  readonly transposed: boolean;
}

function product(left: Operand, right: Operand, scale = 1): Operand {
  const flags = { transposeA: left.transposed, transposeB: right.transposed };
  return { node: matmul(left.node, right.node, { ...flags, scale }), transposed: false };
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

/** A B, of matrices; A, B and C are taken with the flags that transpose them. */
const INNER = op('matmul', [any('A', { rank: 2 }), any('B', { rank: 2 })], { name: 'inner' });
const OTHER = any('C', { rank: 2 });

interface Factors {
  readonly A: Operand;
  readonly B: Operand;
  readonly C: Operand;
  /** Of the whole product. */
  readonly scale: number;
}

interface RegroupingParts {
  readonly formula: string;
  readonly pattern: Pattern<{ readonly inner: Matmul }>;
  readonly group: (factors: Factors) => Operand;
}

function regrouping({ formula, pattern, group }: RegroupingParts): Entry<MatchOptions, Node> {
  return entry({
    formula,
    pattern,
    build: ({ inner }, root) => {
      const outer = root as Matmul;
      const [A, B] = operandsOf(inner);
      const C = operandsOf(outer).find(({ node }) => node !== inner)!;
      return group({ A, B, C, scale: outer.attributes.scale * inner.attributes.scale }).node;
    },
  });
}

const REGROUPINGS = byKind<MatchOptions, Node>([
  regrouping({
    formula: '(A B) C = A (B C)',
    pattern: op('matmul', [INNER, OTHER], { attributes: { transposeA: false } }),
    group: ({ A, B, C, scale }) => product(A, product(B, C, scale)),
  }),
  regrouping({
    formula: '(A B)^T C = B^T (A^T C)',
    pattern: op('matmul', [INNER, OTHER], { attributes: { transposeA: true } }),
    group: ({ A, B, C, scale }) => product(flip(B), product(flip(A), C, scale)),
  }),
  regrouping({
    formula: 'C (A B) = (C A) B',
    pattern: op('matmul', [OTHER, INNER], { attributes: { transposeB: false } }),
    group: ({ A, B, C, scale }) => product(product(C, A, scale), B),
  }),
  regrouping({
    formula: 'C (A B)^T = (C B^T) A^T',
    pattern: op('matmul', [OTHER, INNER], { attributes: { transposeB: true } }),
    group: ({ A, B, C, scale }) => product(product(C, flip(B), scale), flip(A)),
  }),
]);

/** The product `outer`, which reads the product `inner`, the other way; undefined where one of them is not of matrices. */
function regrouped(outer: Node, inner: Node): Node | undefined {
  return firstOf(REGROUPINGS, outer, { given: { inner } });
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
  const replacements = new Map<Node, Node>();
  for (const inner of nodes) {
    if (inner.kind !== 'matmul' || returned.has(inner) || replacements.has(inner)) continue;
    const readers = [...new Set(consumers.get(inner))];
    const others = regroupedReaders(inner, readers, replacements);
    if (others.length === 0) continue;
    const now = cost(inner, hints) + readers.reduce((sum, reader) => sum + cost(reader, hints), 0);
    const then = others.reduce((sum, outer) => {
      const joined = outer.inputs.find((read) => !known.has(read))!;
      return sum + cost(outer, hints) + cost(joined, hints);
    }, 0);
    if (then < now) for (const reader of readers) replacements.set(reader, inner);
  }
  return rewriteRegrouped(source, replacements);
}

/** What would stand for the readers of a product; empty unless each can be regrouped and is not yet. */
function regroupedReaders(
  inner: Node,
  readers: readonly Node[],
  replacements: ReadonlyMap<Node, Node>,
): readonly Node[] {
  const isOpen = (reader: Node): boolean =>
    reader.kind === 'matmul' && reader.inputs[0] !== reader.inputs[1] && !replacements.has(reader);
  if (!readers.every(isOpen)) return [];
  const others = readers.flatMap((reader) => regrouped(reader, inner) ?? []);
  return others.length === readers.length ? others : [];
}

function rewriteRegrouped(source: Graph, replacements: ReadonlyMap<Node, Node>): Graph {
  const current = new Map<Node, Node>();
  return rewrite(source, (node, inputs) => {
    const inner = replacements.get(node);
    const rebuilt = withInputs(node, inputs);
    const result = (inner && regrouped(rebuilt, current.get(inner)!)) ?? rebuilt;
    current.set(node, result);
    return result;
  });
}
