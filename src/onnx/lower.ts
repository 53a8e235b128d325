import { BYTES_PER_ELEMENT, internal, type DType } from '../core/index.ts';
import {
  applyRule,
  graphInputs,
  graphNodes,
  type Graph,
  type Node,
  type NodeRules,
  type Shape,
} from '../graph/index.ts';
import { orderUnits, selectKernels, type KernelPlan, type LowerTarget } from '../passes/index.ts';
import { createEmitter, type DimSource, type Emitter, type EmittedParts } from './emitter.ts';
import { ELEMENTWISE_RULES, LOGICAL_RULES } from './elementwise-rules.ts';
import { FROZEN_RULES } from './frozen-rules.ts';
import { INDEX_RULES } from './index-rules.ts';
import { KERNEL_RULES } from './kernels.ts';
import { LINEAR_RULES } from './linear-rules.ts';
import { encodeModel, type OnnxGraph, type OnnxNode, type OnnxTensor, type OnnxValue } from './proto.ts';
import { randomUniform } from './random-rule.ts';
import { REDUCE_RULES } from './reduce-rules.ts';
import { SHAPE_RULES } from './shape-rules.ts';
import { VOCABULARY_RULES } from './vocabulary-rules.ts';

/** A value that goes into or comes out of a model. */
export interface ModelValue {
  /** The graph's name for it. */
  readonly name: string;
  /** The name inside the ONNX model: an input and an output may share the graph's name. */
  readonly onnxName: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** An input whose elements the session gets beside the model, as external data, when it is made. */
export interface FrozenValue extends ModelValue {
  /** The path that the model names for it. */
  readonly location: string;
  /** The session gets a matrix [n, k] as [k, n]; `shape` is the latter. */
  readonly isTurned: boolean;
}

export interface OnnxModel extends LoweredGraph {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface LoweredGraph {
  readonly onnx: OnnxGraph;
  /** Sorted by name. */
  readonly inputs: readonly ModelValue[];
  readonly frozen: readonly FrozenValue[];
  /** In the graph's order. */
  readonly outputs: readonly ModelValue[];
}

export interface LowerOptions {
  readonly target: LowerTarget;
  /** Default: selectKernels(graph, target). */
  readonly plan?: KernelPlan;
  /** The most bytes of scores that a chunk of a vocabulary reduction holds. Default 40 MiB. */
  readonly chunkBytes?: number;
  /** Inputs that become constants of the session, in known shapes; int8 matrices turned where their product wants that. Default none. */
  readonly frozen?: readonly string[];
}

/**
 * Scores of 213 rows at 49,152 words. Measured with [800, 576] x [49152, 576]: 20 MB chunks take 570 ms, 40 MB 525 ms, and
 * the two products alone 480 ms, since every chunk packs the whole table again.
 */
export const DEFAULT_CHUNK_BYTES = 40 * 2 ** 20;

/** Every kind in standard ONNX operators. */
const PORTABLE_RULES: NodeRules<string, [Emitter]> = {
  input: (node) => {
    throw internal(`input "${node.attributes.name}" must be bound before it is lowered`);
  },
  ...SHAPE_RULES,
  ...ELEMENTWISE_RULES,
  ...LOGICAL_RULES,
  ...REDUCE_RULES,
  ...LINEAR_RULES,
  ...FROZEN_RULES,
  ...INDEX_RULES,
  ...VOCABULARY_RULES,
  randomUniform,
};

function inputName(name: string): string {
  return `in.${name}`;
}

function outputName(name: string): string {
  return `out.${name}`;
}

function onnxValue({ onnxName, dtype, shape }: ModelValue): OnnxValue {
  return { name: onnxName, type: dtype, shape };
}

/** For every symbol an axis on which it stands alone. */
function symbolSources(inputs: readonly ModelValue[]): Map<string, DimSource> {
  const sources = new Map<string, DimSource>();
  for (const { onnxName, shape } of inputs) {
    for (const [axis, dim] of shape.entries()) {
      if (typeof dim === 'string' && !dim.includes('*') && !sources.has(dim))
        sources.set(dim, { value: onnxName, axis });
    }
  }
  return sources;
}

function renameIn(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const renamed = (name: string): string => names.get(name) ?? name;
  const nodes = graph.nodes.map((node): OnnxNode => {
    const body = node.attributes['body'];
    const attributes =
      body !== undefined && 'graph' in body
        ? { ...node.attributes, body: { graph: renameIn(body.graph, names) } }
        : node.attributes;
    return { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed), attributes };
  });
  return { ...graph, nodes };
}

/** Gives the values of outputs their names: by renaming where an operator makes the value for one output alone, else by Identity. */
function nameOutputs(source: Graph, emitter: Emitter, parts: EmittedParts): Map<string, string> {
  const made = new Set(parts.nodes.flatMap((node) => node.outputs));
  const names = new Map<string, string>();
  emitter.enter(undefined);
  const copies: [string, string][] = [];
  for (const [name, node] of Object.entries(source.outputs)) {
    const value = emitter.valueOf(node);
    if (made.has(value) && !names.has(value)) names.set(value, outputName(name));
    else copies.push([value, outputName(name)]);
  }
  for (const [value, name] of copies) names.set(emitter.emit('Identity', [value]), name);
  return names;
}

function lowerUnits(source: Graph, emitter: Emitter, { target, plan, chunkBytes }: LowerOptions): void {
  const chosen = plan ?? selectKernels(source, target);
  for (const unit of orderUnits(source, chosen)) {
    if ('choice' in unit) {
      emitter.enter(unit.choice.results.at(-1));
      KERNEL_RULES[unit.choice.kernel](unit.choice, emitter, { chunkBytes: chunkBytes ?? DEFAULT_CHUNK_BYTES });
    } else if (unit.node.kind !== 'input') {
      emitter.enter(unit.node);
      emitter.bind(unit.node, applyRule(PORTABLE_RULES, unit.node, emitter));
    }
  }
}

/**
 * A graph as the bytes of an ONNX model; see lowerToOnnx.
 *
 * @example
 * ```ts run
 * import { graph, input } from 'preftune';
 * import { mul } from 'preftune/graph';
 * import { lowerGraph } from 'preftune/onnx';
 *
 * const x = input('x', ['T']);
 * const { bytes, inputs } = lowerGraph(graph({ square: mul(x, x) }), { target: 'portable' });
 * console.log(inputs.map(({ name }) => name), bytes instanceof Uint8Array); // [ 'x' ] true
 * ```
 */
export function lowerGraph(source: Graph, options: LowerOptions): OnnxModel {
  const lowered = lowerToOnnx(source, options);
  return { ...lowered, bytes: encodeModel(lowered.onnx) };
}

/**
 * A graph in ONNX operators. Symbolic dimensions stay symbolic (dim_param), so that one model serves all
 * shapes; shape vectors are computed from the inputs' shapes, once each and only where no constant will do. Operators are
 * named after the number and kind of the node in printGraph's text: `%12 matmul/v30`.
 */
export function lowerToOnnx(source: Graph, options: LowerOptions): LoweredGraph {
  const ids = new Map(graphNodes(source).map((node, index) => [node, index]));
  const frozenNames = new Set(options.frozen);
  const values = graphInputs(source).map((node) => ({
    node: node as Node,
    name: node.attributes.name,
    onnxName: inputName(node.attributes.name),
    dtype: node.dtype,
    shape: node.shape,
  }));
  const turned = new Map<Node, FrozenValue>();
  const { emitter, parts } = createEmitter({
    idOf: (node) => ids.get(node) ?? -1,
    symbols: symbolSources(values),
    turnedConstant: (node) => turnedOf(node, values, { frozenNames, turned }),
  });
  for (const { node, onnxName } of values) emitter.bind(node, onnxName);
  lowerUnits(source, emitter, options);
  const names = nameOutputs(source, emitter, parts);

  const described = values.map(({ node: _node, ...value }): ModelValue => value);
  const inputs = described.filter(({ name }) => !frozenNames.has(name));
  const isRead = readNames(parts.nodes);
  const frozen = described
    .filter(({ name, onnxName }) => frozenNames.has(name) && isRead(onnxName))
    .map((value): FrozenValue => ({ ...value, location: value.name, isTurned: false }))
    .concat(...turned.values());
  const outputs = Object.entries(source.outputs).map(([name, node]): ModelValue => {
    return { name, onnxName: outputName(name), dtype: node.dtype, shape: node.shape };
  });
  const onnx: OnnxGraph = {
    name: 'preftune',
    nodes: parts.nodes,
    inputs: inputs.map(onnxValue),
    outputs: outputs.map(onnxValue),
    initializers: [...parts.initializers, ...frozen.map(externalTensor)],
  };
  return { onnx: renameIn(onnx, names), inputs, frozen, outputs };
}

/** The second form of a frozen matrix, made when a rule first asks for it. */
function turnedOf(
  node: Node,
  values: readonly (ModelValue & { readonly node: Node })[],
  { frozenNames, turned }: { frozenNames: ReadonlySet<string>; turned: Map<Node, FrozenValue> },
): string | undefined {
  const value = values.find((one) => one.node === node);
  if (value === undefined || !frozenNames.has(value.name)) return undefined;
  const { name, onnxName, dtype, shape } = value;
  const made = turned.get(node) ?? {
    name,
    onnxName: `${onnxName}.turned`,
    dtype,
    shape: shape.toReversed(),
    location: `${name}.turned`,
    isTurned: true,
  };
  turned.set(node, made);
  return made.onnxName;
}

/** Whether any operator, in a body too, reads a value. */
function readNames(nodes: readonly OnnxNode[]): (name: string) => boolean {
  const names = new Set<string>();
  const visit = (list: readonly OnnxNode[]): void => {
    for (const { inputs, attributes } of list) {
      for (const name of inputs) names.add(name);
      const { body } = attributes;
      if (body !== undefined && 'graph' in body) visit(body.graph.nodes);
    }
  };
  visit(nodes);
  return (name) => names.has(name);
}

function externalTensor({ name, onnxName, dtype, shape, location }: FrozenValue): OnnxTensor {
  const dims = shape.map((dim) => {
    if (typeof dim === 'number') return dim;
    throw internal(`frozen input "${name}" must have a known shape, got ${dim}`);
  });
  const lengthBytes = dims.reduce((product, dim) => product * dim, BYTES_PER_ELEMENT[dtype]);
  return { name: onnxName, type: dtype, dims, data: { location, lengthBytes } };
}
