import { badInput, internal } from '../core/index.ts';
import { add, applyRule, formatShape, sameShape, scalar, topologicalOrder, type Node } from '../graph/index.ts';
import { zeros } from './cotangent.ts';
import { RULES } from './rules.ts';

/** The nodes through which a float32 value of some `wrt` flows, stopGradient not passed. */
function activeNodes(order: readonly Node[], wrt: readonly Node[]): ReadonlySet<Node> {
  const active = new Set(wrt);
  for (const node of order) {
    const passes = node.dtype === 'float32' && node.kind !== 'stopGradient';
    if (passes && node.inputs.some((input) => active.has(input))) active.add(node);
  }
  return active;
}

function describe({ dtype, shape }: Node): string {
  return `${dtype} ${formatShape(shape)}`;
}

function checkArguments(outputs: readonly Node[], cotangents: readonly Node[], wrt: readonly Node[]): void {
  const problems: string[] = [];
  if (outputs.length !== cotangents.length)
    problems.push(`each output must have one cotangent, got ${outputs.length} and ${cotangents.length}`);
  for (const [i, output] of outputs.entries()) {
    const cotangent = cotangents[i];
    if (output.dtype !== 'float32') problems.push(`output ${i} must be float32, got ${describe(output)}`);
    else if (cotangent && describe(cotangent) !== describe(output))
      problems.push(`cotangent ${i} must be ${describe(output)} like its output, got ${describe(cotangent)}`);
  }
  for (const [i, node] of wrt.entries())
    if (node.dtype !== 'float32') problems.push(`wrt ${i} must be float32, got ${node.kind} ${describe(node)}`);
  if (problems.length > 0) throw badInput(problems.map((message) => ({ message: `vectorJacobian: ${message}` })));
}

/**
 * For every node w of `wrt` the sum over outputs y of (dy/dw)^T cotangent(y), as nodes of w's shape: reverse accumulation,
 * one pass over the graph from its outputs to `wrt`. Zeros where no output depends on w. Contributions to one node are added
 * in the order in which the backward pass meets its readers, so the same graph always gives the same sum. The depth of the
 * graph is no limit.
 *
 * `cotangents` have the shapes of `outputs`; everything is float32. Throws bad-input with all problems otherwise.
 *
 * Source: Griewank and Walther 2008, Evaluating Derivatives, section 3.2 (incremental reverse mode).
 *
 * @example
 * ```ts run
 * import { graph, input, interpret, vectorJacobian } from 'preftune';
 * import { float32Tensor } from 'preftune/core';
 * import { mul, reduceSum, scalar } from 'preftune/graph';
 *
 * const x = input('x', ['T']);
 * const loss = reduceSum(mul(x, x));
 * const [gradient] = vectorJacobian([loss], [scalar(1)], [x]);
 * const { dx } = interpret(graph({ dx: gradient }), { x: float32Tensor([2], [3, 4]) });
 * console.log(Array.from(dx.data)); // [ 6, 8 ]
 * ```
 */
export function vectorJacobian(outputs: readonly Node[], cotangents: readonly Node[], wrt: readonly Node[]): Node[] {
  checkArguments(outputs, cotangents, wrt);
  const order = topologicalOrder(outputs);
  const active = activeNodes(order, wrt);
  const sums = new Map<Node, Node>();
  const contribute = (to: Node, part: Node): void => {
    if (part.dtype !== to.dtype || !sameShape(part.shape, to.shape))
      throw internal(`${to.kind} ${describe(to)} got the cotangent ${describe(part)}`);
    const sum = sums.get(to);
    sums.set(to, sum === undefined ? part : add(sum, part));
  };
  for (const [i, output] of outputs.entries()) if (active.has(output)) contribute(output, cotangents[i]!);
  for (const node of order.toReversed()) {
    const cotangent = sums.get(node);
    if (cotangent === undefined) continue;
    for (const [i, part] of applyRule(RULES, node, cotangent).entries()) {
      const read = node.inputs[i]!;
      if (part !== undefined && active.has(read)) contribute(read, part);
    }
  }
  return wrt.map((node) => sums.get(node) ?? zeros(node.shape));
}

/**
 * d loss / d w for every node w of `wrt`, as nodes of w's shape, zeros where the loss does not depend on w. `loss` is a
 * float32 scalar. Where a function has a kink the choice stands beside its rule: abs has 0 at 0, the sides of maximum and
 * minimum share equally where they are equal, and so do the maxima of reduceMax. Throws bad-input for another loss.
 */
export function gradient(loss: Node, wrt: readonly Node[]): Node[] {
  if (loss.dtype !== 'float32' || loss.shape.length > 0)
    throw badInput(`gradient: the loss must be a float32 scalar, got ${describe(loss)}; reduce it first`);
  return vectorJacobian([loss], [scalar(1)], wrt);
}
