import {
  applyRule,
  evaluateDim,
  evaluateShape,
  graphInputs,
  graphNodes,
  verifyGraph,
  type Graph,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { bindInputs, type InterpreterInputs } from './bind.ts';
import { RULES } from './rules.ts';
import type { Environment, Value } from './value.ts';

interface Plan {
  readonly nodes: readonly Node[];
  readonly inputs: readonly NodeOf<'input'>[];
}

/** Graphs are immutable, so one verification serves every run of the same graph. */
const plans = new WeakMap<Graph, Plan>();

function planOf(source: Graph): Plan {
  const known = plans.get(source);
  if (known !== undefined) return known;
  verifyGraph(source);
  const plan = { nodes: graphNodes(source), inputs: graphInputs(source) };
  plans.set(source, plan);
  return plan;
}

/**
 * The outputs of a graph, computed node by node in float64: the oracle that numeric tests compare with. Slow by design, one
 * plain loop for each node kind.
 *
 * `inputs` has one tensor for each input of the graph; a float32 input may also be given as float64. Throws bad-input with
 * all problems of the inputs, and where a node's promise is broken: an index out of range, permuteRows whose index and
 * inverse are not each other's inverse, an int32 division by 0.
 *
 * @example
 * ```ts run
 * import { graph, input, interpret } from 'preftune';
 * import { float32Tensor } from 'preftune/core';
 * import { mul } from 'preftune/graph';
 *
 * const x = input('x', ['T']);
 * const { square } = interpret(graph({ square: mul(x, x) }), { x: float32Tensor([3], [1, 2, 3]) });
 * console.log(Array.from(square.data)); // [ 1, 4, 9 ]
 * ```
 */
export function interpret(source: Graph, inputs: InterpreterInputs): Record<string, Value> {
  const plan = planOf(source);
  const { values: given, dims } = bindInputs(plan.inputs, inputs);
  const environment: Environment = {
    input: (name) => given.get(name)!,
    shapeOf: (shape) => evaluateShape(shape, dims),
    sizeOf: (dim) => evaluateDim(dim, dims),
  };
  const values = new Map<Node, Value>();
  for (const node of plan.nodes) {
    const read = node.inputs.map((from) => values.get(from)!);
    values.set(node, applyRule(RULES, node, read, environment));
  }
  return Object.fromEntries(Object.entries(source.outputs).map(([name, node]) => [name, values.get(node)!]));
}
