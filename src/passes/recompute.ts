import { internal } from '../core/index.ts';
import { graph, graphNodes, makeNode, topologicalOrder, type Graph, type Node, type NodeKind } from '../graph/index.ts';
import { typicalSize, type DimHints } from './reassociate.ts';

/** How much of the forward pass the backward pass computes again instead of keeping it in memory. */
export type RecomputeLevel = 'nothing' | 'elementwise' | 'layers';

const LEVELS: readonly RecomputeLevel[] = ['nothing', 'elementwise', 'layers'];

/** Values that cost a product or a pass over much memory to compute again. */
const EXPENSIVE = new Set<NodeKind>([
  'matmul',
  'frozenMatmul',
  'softmax',
  'logSumExp',
  'logSumExpMatmul',
  'softmaxMatmul',
  'softmaxOuter',
  'argsort',
  'scatterAdd',
  'scatterAddAlong',
  'reduceMax',
]);

/** x + product: a residual stream, where every recomputation stops. */
function isResidual(node: Node): boolean {
  return (
    node.kind === 'add' &&
    node.inputs.some(({ kind }) => kind === 'matmul' || kind === 'frozenMatmul' || kind === 'add') &&
    node.shape.length > 1
  );
}

function isKept(node: Node, level: RecomputeLevel): boolean {
  if (node.inputs.length === 0 || isResidual(node) || node.kind === 'gather') return true;
  return level === 'nothing' || (level === 'elementwise' && EXPENSIVE.has(node.kind));
}

/** The forward values that stay in memory for the backward pass, and how many bytes they typically take. */
function keptBytes(
  source: Graph,
  forward: ReadonlySet<Node>,
  { level, hints }: { level: RecomputeLevel; hints: DimHints },
): number {
  const kept = new Set<Node>();
  const visited = new Set<Node>();
  const visit = (node: Node): void => {
    if (visited.has(node)) return;
    visited.add(node);
    if (node.kind === 'reshape' && node.inputs[0]!.kind !== 'input') visit(node.inputs[0]!);
    else if (isKept(node, level)) {
      if (node.kind !== 'input' && node.kind !== 'constant') kept.add(node);
    } else for (const read of node.inputs) visit(read);
  };
  for (const node of graphNodes(source)) {
    if (forward.has(node)) continue;
    for (const read of node.inputs) if (forward.has(read)) visit(read);
  }
  return [...kept].reduce((sum, node) => sum + 4 * typicalSize(node.shape, hints), 0);
}

export interface RecomputeOptions {
  /** The outputs that the forward pass gives; what they reach was computed before the backward pass. */
  readonly forwardOutputs: readonly string[];
  /** Bytes that kept values may take. The least recomputation that fits is chosen; the most when none does. */
  readonly budgetBytes: number;
  readonly hints: DimHints;
}

export interface Recomputed {
  readonly graph: Graph;
  readonly level: RecomputeLevel;
  /** Estimated bytes of kept values at the hinted sizes. */
  readonly keptBytes: number;
}

/**
 * Chooses what the backward pass keeps of the forward pass under a memory budget, and computes the rest again from what is
 * kept: nothing, the elementwise values (norms, rotary embeddings, activations), or whole layers from their inputs. The
 * value of every output stays the same bit for bit. Must be the last pass: sharing subexpressions would undo it. Throws
 * `internal:` when forwardOutputs names no output.
 */
export function recompute(source: Graph, { forwardOutputs, budgetBytes, hints }: RecomputeOptions): Recomputed {
  const unknown = forwardOutputs.filter((name) => source.outputs[name] === undefined);
  if (unknown.length > 0) {
    const known = Object.keys(source.outputs).join(', ');
    throw internal(`recompute: forwardOutputs must name outputs (${known}), got ${unknown.join(', ')}`);
  }
  const forward = new Set(topologicalOrder(forwardOutputs.map((name) => source.outputs[name]!)));
  const sizes = LEVELS.map((level) => ({ level, bytes: keptBytes(source, forward, { level, hints }) }));
  const chosen = sizes.find(({ bytes }) => bytes <= budgetBytes) ?? sizes.at(-1)!;
  const rebuilt = chosen.level === 'nothing' ? source : cloneForBackward(source, forward, chosen.level);
  return { graph: rebuilt, level: chosen.level, keptBytes: chosen.bytes };
}

function cloneForBackward(source: Graph, forward: ReadonlySet<Node>, level: RecomputeLevel): Graph {
  const clones = new Map<Node, Node>();
  const order = graphNodes(source);
  // In topological order, so that a clone's inputs are cloned before it.
  const cloneOf = (node: Node): Node => clones.get(node) ?? node;
  const needed = new Set<Node>();
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const reads = forward.has(node) ? (needed.has(node) ? node.inputs : []) : node.inputs;
    for (const read of reads) if (forward.has(read) && !isKept(read, level)) needed.add(read);
  }
  const backward = new Map<Node, Node>();
  for (const node of order) {
    if (needed.has(node)) clones.set(node, makeNode(node.kind, node.inputs.map(cloneOf), node.attributes as never));
    if (forward.has(node)) continue;
    const inputs = node.inputs.map((read) => backward.get(read) ?? cloneOf(read));
    backward.set(node, makeNode(node.kind, inputs, node.attributes as never));
  }
  return graph(
    Object.fromEntries(Object.entries(source.outputs).map(([name, node]) => [name, backward.get(node) ?? node])),
  );
}
