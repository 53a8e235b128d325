import { internal } from '../core/index.ts';
import {
  consumersOf,
  graphNodes,
  sameShape,
  topologicalOrder,
  type Graph,
  type Node,
  type NodeKind,
  type NodeOf,
  type WeightStorage,
} from '../graph/index.ts';

/** What a graph is lowered for. `portable` uses standard ONNX operators only, and runs everywhere. */
export type LowerTarget = 'cpu' | 'webgpu' | 'cuda' | 'portable';

/** Operators and loops that stand for one or several nodes. */
export type KernelName =
  /** mul(mul(x, inverseRms(x)), weight) */
  | 'rmsNorm'
  /** x sigmoid(x) */
  | 'silu'
  /** Rotary embedding of x [..., heads, d] by angles [..., 1, d/2]. */
  | 'rope'
  /** sin and cos of large angles, where the device's own are inexact. */
  | 'sine'
  /** A product with transposed or scaled operands of rank above 2. */
  | 'scaledProduct'
  /** A product with a matrix in int8: x is rounded to 8 bits row by row, and the sums are whole numbers. */
  | 'integerProduct'
  /** A product with a matrix in blocks of 4 bits. */
  | 'blockProduct'
  /** scale * op(a) op(b) + c for matrices, where c is a row or the product is thin. */
  | 'productPlus'
  /** logSumExpMatmul, softmaxMatmul, or both from one set of scores, in chunks of rows of h. */
  | 'vocabularyRows'
  /** softmaxOuter in chunks of rows of e, from the known logSumExp. */
  | 'vocabularyOuter';

export interface KernelChoice {
  readonly kernel: KernelName;
  /** The nodes whose values the kernel gives, in topological order. */
  readonly results: readonly Node[];
  /** The nodes that are computed inside and whose values no one else reads. */
  readonly covered: readonly Node[];
  /** The nodes whose values the kernel reads. */
  readonly reads: readonly Node[];
}

/** For every node that a kernel gives or covers, that kernel's choice. A node without one is lowered by its own rule. */
export type KernelPlan = ReadonlyMap<Node, KernelChoice>;

const KERNELS_OF: Readonly<Record<LowerTarget, readonly KernelName[]>> = {
  cpu: [
    'rmsNorm',
    'silu',
    'rope',
    'integerProduct',
    'blockProduct',
    'scaledProduct',
    'productPlus',
    'vocabularyRows',
    'vocabularyOuter',
  ],
  cuda: ['rmsNorm', 'silu', 'rope', 'scaledProduct', 'productPlus', 'vocabularyRows', 'vocabularyOuter'],
  webgpu: ['rmsNorm', 'silu', 'rope', 'sine', 'productPlus'],
  portable: ['productPlus'],
};

interface Context {
  readonly target: LowerTarget;
  readonly consumers: ReadonlyMap<Node, readonly Node[]>;
  readonly outputs: ReadonlySet<Node>;
  readonly taken: Map<Node, KernelChoice>;
}

/** Whether `reader` alone reads the node, once, and no one outside asks for it. */
function isInner(node: Node, { consumers, outputs, taken }: Context): boolean {
  return consumers.get(node)!.length === 1 && !outputs.has(node) && !taken.has(node);
}

/**
 * The kernel gives the inverse RMS too where something else reads it, but only on the CPU: WebGPU's leaves that output
 * wrong, and CUDA's is untested, so there the inverse is computed apart. Where the normalised value has other readers (the
 * gradient of a trained weight) it is computed beside the kernel, so that a norm rounds alike whether its weight is trained or not.
 */
function matchRmsNorm(root: Node, context: Context): KernelChoice | undefined {
  if (root.kind !== 'mul') return undefined;
  for (const [normalised, weight] of bothOrders(root)) {
    if (normalised.kind !== 'mul' || context.taken.has(normalised)) continue;
    for (const [x, inverse] of bothOrders(normalised)) {
      const fits = inverse.kind === 'inverseRms' && inverse.inputs[0] === x && !context.taken.has(inverse);
      if (!fits || weight.shape.length !== 1 || weight.shape[0] !== x.shape.at(-1)) continue;
      const reads = [x, weight];
      const isNormalisedInner = isInner(normalised, context);
      const covered = isNormalisedInner ? [normalised] : [];
      if (isNormalisedInner && isInner(inverse, context))
        return { kernel: 'rmsNorm', results: [root], covered: [inverse, normalised], reads };
      if (context.target !== 'cpu') return { kernel: 'rmsNorm', results: [root], covered, reads };
      // The kernel would wait for a weight that itself waits for the kernel.
      if (topologicalOrder([weight]).includes(inverse)) continue;
      return { kernel: 'rmsNorm', results: [inverse, root], covered, reads };
    }
  }
  return undefined;
}

function bothOrders(node: Node): readonly (readonly [Node, Node])[] {
  const [a, b] = node.inputs as [Node, Node];
  return [
    [a, b],
    [b, a],
  ];
}

function matchRope(root: Node): KernelChoice | undefined {
  if (root.kind !== 'rope') return undefined;
  const [x, cosine] = root.inputs as [Node, Node];
  const [rank, angles] = [x.shape.length, cosine.shape];
  const perHead = rank >= 3 && angles.length === rank && angles[rank - 2] === 1;
  const heads = x.shape[rank - 2];
  if (!perHead || typeof heads !== 'number' || !sameShape(x.shape.slice(0, -2), angles.slice(0, -2))) return undefined;
  return { kernel: 'rope', results: [root], covered: [], reads: root.inputs };
}

function matchScaledProduct(root: Node): KernelChoice | undefined {
  if (root.kind !== 'matmul') return undefined;
  const { transposeA, transposeB, scale } = root.attributes;
  const matrices = root.inputs.every((read) => read.shape.length === 2);
  if (matrices || (!transposeA && !transposeB && scale === 1)) return undefined;
  return { kernel: 'scaledProduct', results: [root], covered: [], reads: root.inputs };
}

/** Terms up to which a product costs so little that the pass of adding its result shows. */
const THIN_TERMS = 64;

/**
 * Whether a product sums few terms, such as an adapter's B A. With many, Gemm's copy of the addend on one thread costs more
 * than an addition (measured: 2 % of a layer).
 */
function isThin(product: Node): boolean {
  const { transposeA } = product.attributes as NodeOf<'matmul'>['attributes'];
  const terms = product.inputs[0]!.shape[transposeA ? 0 : 1]!;
  return typeof terms === 'number' && terms <= THIN_TERMS;
}

function matchProductPlus(root: Node, context: Context): KernelChoice | undefined {
  if (root.kind !== 'add' || root.dtype !== 'float32') return undefined;
  for (const [product, addend] of bothOrders(root)) {
    const matrices = product.kind === 'matmul' && product.inputs.every((read) => read.shape.length === 2);
    if (!matrices || !isInner(product, context) || product === addend) continue;
    const isRow = addend.shape.length === 1 && addend.shape[0] === root.shape[1];
    const fits = isRow || (sameShape(addend.shape, root.shape) && isThin(product));
    if (!fits || !sameShape(product.shape, root.shape)) continue;
    return { kernel: 'productPlus', results: [root], covered: [product], reads: [...product.inputs, addend] };
  }
  return undefined;
}

function matchKinds(kernel: KernelName, kinds: readonly NodeKind[]): (root: Node) => KernelChoice | undefined {
  return (root) =>
    kinds.includes(root.kind) ? { kernel, results: [root], covered: [], reads: root.inputs } : undefined;
}

function matchFrozen(kernel: KernelName, storage: WeightStorage): (root: Node) => KernelChoice | undefined {
  return (root) =>
    root.kind === 'frozenMatmul' && root.attributes.storage === storage
      ? { kernel, results: [root], covered: [], reads: root.inputs }
      : undefined;
}

const VOCABULARY_KINDS: ReadonlySet<string> = new Set(['logSumExpMatmul', 'softmaxMatmul']);

/** Every reduction over the scores of one (h, e) that is not taken yet; both kinds come from one product. */
function matchVocabularyRows(root: Node, { consumers }: Context): KernelChoice | undefined {
  if (!VOCABULARY_KINDS.has(root.kind)) return undefined;
  const [h, e] = root.inputs as [Node, Node];
  const results = consumers
    .get(h)!
    .filter((node) => VOCABULARY_KINDS.has(node.kind) && node.inputs[0] === h && node.inputs[1] === e);
  return { kernel: 'vocabularyRows', results: [...new Set(results)], covered: [], reads: [h, e] };
}

/** Reads the logSumExp of the same scores, which the loss computed; the pass needs it to exist. */
function matchVocabularyOuter(root: Node, { consumers }: Context): KernelChoice | undefined {
  if (root.kind !== 'softmaxOuter') return undefined;
  const [h, e] = root.inputs as [Node, Node];
  const normaliser = consumers
    .get(h)!
    .find((node) => node.kind === 'logSumExpMatmul' && node.inputs[0] === h && node.inputs[1] === e);
  const reads = normaliser === undefined ? root.inputs : [...root.inputs, normaliser];
  return { kernel: 'vocabularyOuter', results: [root], covered: [], reads };
}

const MATCHERS: Readonly<Record<KernelName, (root: Node, context: Context) => KernelChoice | undefined>> = {
  rmsNorm: matchRmsNorm,
  silu: matchKinds('silu', ['silu']),
  sine: matchKinds('sine', ['sin', 'cos']),
  rope: matchRope,
  integerProduct: matchFrozen('integerProduct', 'int8'),
  blockProduct: matchFrozen('blockProduct', 'int4'),
  scaledProduct: matchScaledProduct,
  productPlus: matchProductPlus,
  vocabularyRows: matchVocabularyRows,
  vocabularyOuter: matchVocabularyOuter,
};

/**
 * Which runtime operators stand for which nodes on a target: a choice of the lowering alone, so that models and losses
 * never mention one. The first kernel that fits takes a node; roots are tried in reverse topological order, so a larger
 * pattern is found before what it contains.
 */
export function selectKernels(source: Graph, target: LowerTarget): KernelPlan {
  const nodes = graphNodes(source);
  const taken = new Map<Node, KernelChoice>();
  const context: Context = {
    target,
    consumers: consumersOf(nodes),
    outputs: new Set(Object.values(source.outputs)),
    taken,
  };
  for (const root of nodes.toReversed()) {
    if (taken.has(root)) continue;
    for (const kernel of KERNELS_OF[target]) {
      const choice = MATCHERS[kernel](root, context);
      if (choice === undefined) continue;
      for (const node of [...choice.results, ...choice.covered]) taken.set(node, choice);
      break;
    }
  }
  return taken;
}

/**
 * The plan as text over the numbers of printGraph, one kernel a line: `rmsNorm %0 %1 -> %4 covering %2 %3`.
 */
export function printKernelPlan(source: Graph, plan: KernelPlan): string {
  const ids = new Map(graphNodes(source).map((node, index) => [node, `%${index}`]));
  const names = (nodes: readonly Node[]): string => nodes.map((node) => ids.get(node) ?? '?').join(' ');
  return [...ids.keys()]
    .filter((node) => plan.get(node)?.results.at(-1) === node)
    .map((node) => {
      const { kernel, reads, results, covered } = plan.get(node)!;
      const inner = covered.length > 0 ? ` covering ${names(covered)}` : '';
      return `${kernel} ${names(reads)} -> ${names(results)}${inner}`;
    })
    .join('\n');
}

/** One thing to lower: a node by its own rule, or a kernel. */
export type LowerUnit = { readonly node: Node } | { readonly choice: KernelChoice };

/**
 * The units of a graph, each after what it reads. A kernel with several results stands where the first of them is needed,
 * so the order is that of the units and not of the nodes.
 */
export function orderUnits(source: Graph, plan: KernelPlan): LowerUnit[] {
  const order: LowerUnit[] = [];
  const state = new Map<Node | KernelChoice, 'entered' | 'done'>();
  const stack: { key: Node | KernelChoice; reads: readonly Node[]; next: number }[] = [];
  const enter = (node: Node): void => {
    const key = plan.get(node) ?? node;
    const seen = state.get(key);
    if (seen === 'entered') throw internal(`the kernel plan has a cycle through ${node.kind}`);
    if (seen === 'done') return;
    state.set(key, 'entered');
    stack.push({ key, reads: 'reads' in key ? key.reads : key.inputs, next: 0 });
  };
  for (const root of graphNodes(source)) {
    if (isCovered(root, plan)) continue;
    enter(root);
    while (stack.length > 0) {
      const frame = stack.at(-1)!;
      const following = frame.reads[frame.next++];
      if (following !== undefined) {
        enter(following);
        continue;
      }
      stack.pop();
      state.set(frame.key, 'done');
      order.push('kernel' in frame.key ? { choice: frame.key } : { node: frame.key });
    }
  }
  return order;
}

function isCovered(node: Node, plan: KernelPlan): boolean {
  return plan.get(node)?.covered.includes(node) ?? false;
}
