import { formatShape } from './dim.ts';
import { graphNodes, type Graph } from './graph.ts';
import type { Node } from './node.ts';

const PRINTED_ELEMENTS = 6;

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return formatShape(value as (number | string)[]);
  return String(value);
}

function formatAttributes(node: Node): string {
  if (node.kind === 'constant') {
    const data = Array.from(node.attributes.value.data.subarray(0, PRINTED_ELEMENTS), String);
    return data.join(' ') + (node.attributes.value.data.length > PRINTED_ELEMENTS ? ' ...' : '');
  }
  const entries = Object.entries(node.attributes).filter(([name, value]) => {
    const isDefault = value === false || (name === 'scale' && value === 1);
    return !isDefault && !(node.kind === 'input' && name !== 'name') && !(name === 'shape');
  });
  return entries
    .map(([name, value]) => (name === 'name' ? `"${formatValue(value)}"` : `${name}=${formatValue(value)}`))
    .join(' ');
}

/**
 * The graph as text, one node a line in topological order:
 *
 *     %0 = input "x" : float32 [T, 4]
 *     %1 = reduceSum %0 axes=[1] : float32 [T]
 *     return loss=%1
 *
 * @example
 * ```ts run
 * import { graph, input, printGraph } from 'preftune';
 * import { mul } from 'preftune/graph';
 *
 * const x = input('x', ['T', 4]);
 * console.log(printGraph(graph({ square: mul(x, x) })));
 * // %0 = input "x" : float32 [T, 4]
 * // %1 = mul %0 %0 : float32 [T, 4]
 * // return square=%1
 * ```
 */
export function printGraph(source: Graph): string {
  const ids = new Map<Node, string>();
  const lines = graphNodes(source).map((node) => {
    ids.set(node, `%${ids.size}`);
    const parts = [node.kind, ...node.inputs.map((read) => ids.get(read)!), formatAttributes(node)];
    const text = parts.filter((part) => part !== '').join(' ');
    return `${ids.get(node)} = ${text} : ${node.dtype} ${formatShape(node.shape)}`;
  });
  const returned = Object.entries(source.outputs).map(([name, node]) => `${name}=${ids.get(node)}`);
  return [...lines, `return ${returned.join(' ')}`].join('\n');
}
