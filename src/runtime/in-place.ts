import { badUsage, type Problem } from '../core/index.ts';
import {
  BINARY_KINDS,
  UNARY_KINDS,
  consumersOf,
  graphInputs,
  graphNodes,
  sameShape,
  topologicalOrder,
  type Graph,
  type Node,
  type NodeKind,
} from '../graph/index.ts';

/** Kinds that write element i after reading element i of their inputs of the same shape, and nothing else of them. */
const ELEMENTWISE: ReadonlySet<NodeKind> = new Set<NodeKind>(
  [...UNARY_KINDS, ...BINARY_KINDS, 'where' as const].filter((kind) => kind !== 'silu'),
);

/** Writer kind -> the kind of a reader that ONNX Runtime merges with it into one operator, which reads while it writes. */
const MERGED: Partial<Readonly<Record<NodeKind, NodeKind>>> = { add: 'matmul', mul: 'sigmoid' };

/** Kinds whose value may be another view of their input's memory. */
const VIEWS: ReadonlySet<NodeKind> = new Set<NodeKind>([
  'reshape',
  'stopGradient',
  'transpose',
  'broadcastTo',
  'slice',
  'pad',
  'concat',
  'cast',
]);

/**
 * Checks that each output may be written into the memory of its input: same dtype and shape, made by an elementwise node
 * that no other output shares, and whatever else reads the input (through views too) comes before that node. Operators
 * run in any order that their values allow, so "before" means that the writer needs the reader's value. Throws bad-usage
 * with every pair that is unsafe and why.
 */
export function checkInPlace(source: Graph, inPlace: Readonly<Record<string, string>>): void {
  const problems: Problem[] = [];
  const inputs = new Map(graphInputs(source).map((node) => [node.attributes.name, node as Node]));
  const consumers = consumersOf(graphNodes(source));
  const used = new Set<string>();
  const outputs = new Map<Node, number>();
  for (const node of Object.values(source.outputs)) outputs.set(node, (outputs.get(node) ?? 0) + 1);
  for (const [outputName, inputName] of Object.entries(inPlace)) {
    const pair = `inPlace: output "${outputName}" into input "${inputName}"`;
    const [writer, memory] = [source.outputs[outputName], inputs.get(inputName)];
    if (writer === undefined || memory === undefined) {
      problems.push({ message: `${pair}: both must exist in the graph; check the names` });
      continue;
    }
    if (used.has(inputName)) problems.push({ message: `${pair}: another output is written there already` });
    used.add(inputName);
    const reason = unsafeReason({ outputs, writer, memory, consumers });
    if (reason !== undefined) problems.push({ message: `${pair}: ${reason}` });
  }
  if (problems.length > 0) throw badUsage(problems);
}

interface Pair {
  /** How many outputs each output's node is. */
  readonly outputs: ReadonlyMap<Node, number>;
  readonly writer: Node;
  readonly memory: Node;
  readonly consumers: ReadonlyMap<Node, readonly Node[]>;
}

function unsafeReason({ outputs, writer, memory, consumers }: Pair): string | undefined {
  if (writer.dtype !== memory.dtype || !sameShape(writer.shape, memory.shape))
    return `dtype and shape must be the same, got ${writer.dtype} [${writer.shape.join(', ')}] and ${memory.dtype} [${memory.shape.join(', ')}]`;
  // Rows are put into x's own memory, which nothing else of the node may read.
  const isPut = writer.kind === 'putRows' && writer.inputs.indexOf(memory) === 0 && !writer.inputs.includes(memory, 1);
  if (!ELEMENTWISE.has(writer.kind) && !isPut)
    return `the output must be made by an elementwise node, got ${writer.kind}`;
  if (outputs.get(writer)! > 1) return 'its value must be one output only, two outputs share it';
  let known: ReadonlySet<Node> | undefined;
  // Most memory has one reader, the writer itself: only others need the walk over the graph.
  const comesBefore = (reader: Node): boolean => (known ??= new Set(topologicalOrder(writer.inputs))).has(reader);
  const seen = new Set<Node>();
  const queue = [memory];
  for (const value of queue) {
    if (outputs.has(value)) return 'the input must not be an output itself';
    for (const reader of consumers.get(value)!) {
      if (reader === writer) {
        // Seen through a view the writer would read element j of the memory after writing it.
        if (value !== memory) return `the output must read the input itself, not through ${value.kind}`;
        continue;
      }
      if (!comesBefore(reader)) return `every reader of the input must come before the output, ${reader.kind} need not`;
      if (reader.kind === MERGED[writer.kind] && writer.inputs.includes(reader))
        return `the output's ${writer.kind} must not read a ${reader.kind} of the input, both become one operator`;
      if (VIEWS.has(reader.kind) && !seen.has(reader)) {
        seen.add(reader);
        queue.push(reader);
      }
    }
  }
  return undefined;
}
