import { sameShape, topologicalOrder, type Node, type NodeOf } from '../graph/index.ts';
import { byKind, entry, type Entry, type Table } from './pattern-table.ts';
import { any, matchPattern, op, type Found, type MatchOptions, type Pattern } from './pattern.ts';

/** What a graph is lowered for. `portable` uses standard ONNX operators only, and runs everywhere. */
export type LowerTarget = 'cpu' | 'webgpu' | 'cuda' | 'portable';

/** What patterns of kernels know of the graph that they are looked for in. */
export interface KernelContext extends Required<Omit<MatchOptions, 'given'>> {
  readonly target: LowerTarget;
  /** The nodes that read a node, with repetition, in topological order. */
  readonly readersOf: (node: Node) => readonly Node[];
}

/** The nodes that a kernel stands for. */
interface KernelNodes {
  /** The nodes whose values the kernel gives, in topological order. */
  readonly results: readonly Node[];
  /** The nodes that are computed inside and whose values no one else reads. */
  readonly covered: readonly Node[];
  /** The nodes whose values the kernel reads. */
  readonly reads: readonly Node[];
}

/** What differs from: the root is the result, nothing is covered, the root's inputs are read. */
type Differing = Partial<KernelNodes>;

/** An operator or loop that stands for one or several nodes. */
interface KernelPattern extends Entry<KernelContext, Differing> {
  /** The targets that have it. */
  readonly targets: readonly LowerTarget[];
}

interface KernelParts<F extends Found> {
  readonly formula: string;
  readonly pattern: Pattern<F>;
  /** Default: nothing differs. */
  readonly build?: (found: F, root: Node, context: KernelContext) => Differing | undefined;
}

function kernel<F extends Found>(
  targets: readonly LowerTarget[],
  { formula, pattern, build = () => ({}) }: KernelParts<F>,
): KernelPattern {
  return { targets, ...entry({ formula, pattern, build }) };
}

/** Whether a node is such an operation over these very nodes. */
function reads(pattern: Pattern, node: Node, given: Found): boolean {
  return matchPattern(pattern, node, () => true, { given }) === true;
}

const LOG_SUM = op('logSumExpMatmul', [any('h'), any('e')]);
const VOCABULARY_ROWS = op(['logSumExpMatmul', 'softmaxMatmul'], [any('h'), any('e')]);

/** Terms up to which a product costs so little that the pass of adding its result shows. */
const THIN_TERMS = 64;

/**
 * Whether a product sums few terms, such as an adapter's B A. With many, Gemm's copy of the addend on one thread costs more
 * than an addition (measured: 2 % of a layer).
 */
function isThin({ attributes, inputs }: NodeOf<'matmul'>): boolean {
  const terms = inputs[0]!.shape[attributes.transposeA ? 0 : 1]!;
  return typeof terms === 'number' && terms <= THIN_TERMS;
}

/** Whether angles [..., 1, d/2] are shared by the heads of x [..., heads, d] and by nothing else. */
function turnsHeads({ inputs }: NodeOf<'rope'>): boolean {
  const [x, angles] = [inputs[0]!.shape, inputs[1]!.shape];
  const rank = x.length;
  const isPerHead = rank >= 3 && angles.length === rank && angles[rank - 2] === 1;
  return isPerHead && typeof x[rank - 2] === 'number' && sameShape(x.slice(0, -2), angles.slice(0, -2));
}

/**
 * Every kernel, what it computes, and the nodes that it stands for. The first that fits takes a node. Each has a rule in
 * onnx/kernels.ts.
 */
const KERNELS = {
  /**
   * The kernel gives the inverse RMS too where something else reads it, but only on the CPU: WebGPU's leaves that output
   * wrong, and CUDA's is untested, so there the inverse is computed apart. Where the normalised value has other readers (the
   * gradient of a trained weight) it is computed beside the kernel, so that a norm rounds alike whether its weight is trained or not.
   */
  rmsNorm: kernel(['cpu', 'cuda', 'webgpu'], {
    formula: 'x / sqrt(mean(x^2) + epsilon) * w',
    pattern: op('mul', [
      op('mul', [any('x'), op('inverseRms', [any('x')], { name: 'inverse' })], { name: 'normalised' }),
      any('w', { rank: 1 }),
    ]),
    build: ({ x, w, inverse, normalised }, root, { target, usesOf }) => {
      if (w.shape[0] !== x.shape.at(-1)) return undefined;
      const isInside = usesOf(normalised) === 1;
      if (isInside && usesOf(inverse) === 1) return { covered: [inverse, normalised], reads: [x, w] };
      const covered = isInside ? [normalised] : [];
      if (target !== 'cpu') return { covered, reads: [x, w] };
      // The kernel would wait for a weight that itself waits for the kernel.
      if (topologicalOrder([w]).includes(inverse)) return undefined;
      return { results: [inverse, root], covered, reads: [x, w] };
    },
  }),
  silu: kernel(['cpu', 'cuda', 'webgpu'], { formula: 'x sigmoid(x)', pattern: op('silu', [any('x')]) }),
  /** Of large angles, where the device's own are inexact. */
  sine: kernel(['webgpu'], { formula: 'sin(x), cos(x)', pattern: op(['sin', 'cos'], [any('x')]) }),
  rope: kernel(['cpu', 'cuda', 'webgpu'], {
    formula: '[x1 cos - x2 sin, x2 cos + x1 sin], x [..., heads, d], cos and sin [..., 1, d/2]',
    pattern: op('rope', [any('x'), any('cosine'), any('sine')], { where: turnsHeads }),
  }),
  /** x is rounded row by row, and the sums are whole numbers. */
  integerProduct: kernel(['cpu'], {
    formula: 'x (scale q)^T or x (scale q), q in int8',
    pattern: op('frozenMatmul', [any('x'), any('q'), any('scale')], { attributes: { storage: 'int8' } }),
  }),
  blockProduct: kernel(['cpu'], {
    formula: 'x (scale (q - 8))^T or x (scale (q - 8)), q in blocks of 4 bits',
    pattern: op('frozenMatmul', [any('x'), any('q'), any('scale')], { attributes: { storage: 'int4' } }),
  }),
  scaledProduct: kernel(['cpu', 'cuda'], {
    formula: 'scale op(a) op(b), of rank above 2',
    pattern: op('matmul', [any('a'), any('b')], {
      where: ({ inputs, attributes: { transposeA, transposeB, scale } }) =>
        inputs.some((read) => read.shape.length !== 2) && (transposeA || transposeB || scale !== 1),
    }),
  }),
  productPlus: kernel(['cpu', 'cuda', 'webgpu', 'portable'], {
    formula: 'scale op(a) op(b) + c, of matrices, where c is a row or the product is thin',
    pattern: op(
      'add',
      [op('matmul', [any('a', { rank: 2 }), any('b', { rank: 2 })], { name: 'product', uses: 1 }), any('c')],
      { where: ({ dtype }) => dtype === 'float32' },
    ),
    build: ({ a, b, c, product }, root) => {
      const isRow = c.shape.length === 1 && c.shape[0] === root.shape[1];
      const fits = isRow || (sameShape(c.shape, root.shape) && isThin(product));
      return fits && sameShape(product.shape, root.shape) ? { covered: [product], reads: [a, b, c] } : undefined;
    },
  }),
  /** Every reduction over the scores of one (h, e), since all come from one product; in chunks of rows of h. */
  vocabularyRows: kernel(['cpu', 'cuda'], {
    formula: 'logSumExp(h e^T), softmax(h e^T) e',
    pattern: VOCABULARY_ROWS,
    build: ({ h, e }, _root, { readersOf }) => ({
      results: [...new Set(readersOf(h))].filter((node) => reads(VOCABULARY_ROWS, node, { h, e })),
    }),
  }),
  /** Reads the logSumExp of the same scores, which the loss computed, where it exists; in chunks of rows of e. */
  vocabularyOuter: kernel(['cpu', 'cuda'], {
    formula: 'sum_c w_c softmax(h e^T)_c (outer) h_c',
    pattern: op('softmaxOuter', [any('h'), any('e'), any('w')]),
    build: ({ h, e, w }, _root, { readersOf }) => {
      const normaliser = readersOf(h).find((node) => reads(LOG_SUM, node, { h, e }));
      return { reads: normaliser === undefined ? [h, e, w] : [h, e, w, normaliser] };
    },
  }),
} as const satisfies Readonly<Record<string, KernelPattern>>;

export type KernelName = keyof typeof KERNELS;

export interface KernelChoice extends KernelNodes {
  readonly kernel: KernelName;
}

/** The kernels that a target has. */
export function kernelsOf(target: LowerTarget): Table<KernelContext, KernelChoice> {
  const kernels = Object.entries(KERNELS) as [KernelName, KernelPattern][];
  const available = kernels.filter(([, { targets }]) => targets.includes(target));
  return byKind(
    available.map(([name, pattern]) => ({
      ...pattern,
      apply: (root, context) => {
        const differing = pattern.apply(root, context);
        if (differing === undefined) return undefined;
        const { results = [root], covered = [] } = differing;
        return { kernel: name, results, covered, reads: differing.reads ?? root.inputs };
      },
    })),
  );
}
