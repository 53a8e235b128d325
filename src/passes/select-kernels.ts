import { internal } from '../core/index.ts';
import { consumersOf, graphNodes, type Graph, type Node } from '../graph/index.ts';
import { kernelsOf, type KernelChoice, type KernelContext, type LowerTarget } from './kernel-patterns.ts';
import { firstOf } from './pattern-table.ts';

/** For every node that a kernel gives or covers, that kernel's choice. A node without one is lowered by its own rule. */
export type KernelPlan = ReadonlyMap<Node, KernelChoice>;

/**
 * Which runtime operators stand for which nodes on a target: a choice of the lowering alone, so that models and losses
 * never mention one. The first kernel that fits takes a node; roots are tried in reverse topological order, so a larger
 * pattern is found before what it contains.
 */
export function selectKernels(source: Graph, target: LowerTarget): KernelPlan {
  const nodes = graphNodes(source);
  const taken = new Map<Node, KernelChoice>();
  const consumers = consumersOf(nodes);
  const outputs = new Set(Object.values(source.outputs));
  const context: KernelContext = {
    target,
    readersOf: (node) => consumers.get(node)!,
    usesOf: (node) => consumers.get(node)!.length + (outputs.has(node) ? 1 : 0),
    mayTake: (node) => !taken.has(node),
  };
  const kernels = kernelsOf(target);
  for (const root of nodes.toReversed()) {
    const choice = taken.has(root) ? undefined : firstOf(kernels, root, context);
    if (choice === undefined) continue;
    for (const node of [...choice.results, ...choice.covered]) taken.set(node, choice);
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
