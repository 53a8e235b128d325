import type { OnnxAttribute, OnnxGraph, OnnxNode } from './proto.ts';

function formatAttribute([name, value]: readonly [string, OnnxAttribute]): string {
  if ('graph' in value) return '';
  if ('tensor' in value) return ` ${name}=<${value.tensor.type}>`;
  if ('ints' in value) return ` ${name}=[${value.ints.join(', ')}]`;
  return ` ${name}=${'int' in value ? value.int : 'float' in value ? value.float : value.text}`;
}

function formatNode({ operator, inputs, outputs, attributes }: OnnxNode, indent: string): string[] {
  const entries = Object.entries(attributes);
  const text = `${indent}${outputs.join(', ')} = ${operator} ${inputs.join(' ')}${entries.map(formatAttribute).join('')}`;
  const bodies = entries.flatMap(([, value]) => ('graph' in value ? [value.graph] : []));
  return [text, ...bodies.flatMap((body) => formatBody(body, `${indent}  `))];
}

function formatBody({ inputs, nodes, outputs }: OnnxGraph, indent: string): string[] {
  return [
    `${indent}over ${inputs.map(({ name }) => name).join(' ')}`,
    ...nodes.flatMap((node) => formatNode(node, indent)),
    `${indent}give ${outputs.map(({ name }) => name).join(' ')}`,
  ];
}

/** The operators of an ONNX graph as text, one a line, loop bodies indented. Constants are named c0, c1, ... */
export function printOnnx(graph: OnnxGraph): string {
  return graph.nodes.flatMap((node) => formatNode(node, '')).join('\n');
}
