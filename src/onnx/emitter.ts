import { internal, type DType, type HostTensor } from '../core/index.ts';
import { dimCoefficient, dimSymbols, formatShape, type Dim, type Node, type Shape } from '../graph/index.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from './proto.ts';

export type Attributes = Readonly<Record<string, OnnxAttribute>>;

export interface EmitOptions {
  readonly attributes?: Attributes;
  /** Default '' (ai.onnx). */
  readonly domain?: string;
}

/**
 * Collects the operators of one ONNX model while rules call it. Values are names. Constants, dimensions and shape vectors
 * are made once each, always in the main graph, where loop bodies see them too.
 */
export interface Emitter {
  /** The name of a graph node's value; it must have been lowered or bound. */
  valueOf(node: Node): string;
  bind(node: Node, value: string): void;
  /** The name of a matrix [n, k] as [k, n] where the node is an input that is a constant of the session, else undefined. */
  turnedConstant(node: Node): string | undefined;
  /** Emits an operator with one output and gives that output's name. */
  emit(operator: string, inputs: readonly string[], options?: EmitOptions): string;
  /** The same with several outputs. */
  emitMany(operator: string, inputs: readonly string[], options: EmitOptions & { readonly outputs: number }): string[];
  /** Emits what `build` emits into a body over `inputs` (element types) and gives it as a graph attribute. */
  body(inputs: readonly OnnxType[], build: (inputs: readonly string[]) => readonly BodyOutput[]): OnnxGraph;
  tensor(value: HostTensor): string;
  float(value: number): string;
  /** A constant int64 vector. */
  int64s(values: readonly number[]): string;
  /** A constant scalar of any type. */
  integer(type: 'int32' | 'int64' | 'uint32', value: number): string;
  /** The value of a dimension as an int64 vector of length 1. */
  dim(dim: Dim): string;
  /** A shape as an int64 vector. */
  shape(shape: Shape): string;
  /** The same value under a key is made once, in the main graph. */
  once(key: string, make: () => string): string;
  /** Every operator emitted from now on is named after this node. */
  enter(node: Node | undefined): void;
}

export interface BodyOutput {
  readonly value: string;
  readonly type: OnnxType;
}

export interface EmittedParts {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
}

export interface DimSource {
  /** The name of an input value, and the axis on which the symbol stands. */
  readonly value: string;
  readonly axis: number;
}

export interface EmitterContext {
  /** The number of a node in the graph's text. */
  readonly idOf: (node: Node) => number;
  readonly symbols: ReadonlyMap<string, DimSource>;
  readonly turnedConstant?: (node: Node) => string | undefined;
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** An emitter, and what it has collected so far. */
export function createEmitter({ idOf, symbols, turnedConstant = () => undefined }: EmitterContext): {
  emitter: Emitter;
  parts: EmittedParts;
} {
  const values = new Map<Node, string>();
  const shared = new Map<string, string>();
  const initializers: OnnxTensor[] = [];
  const rootNodes: OnnxNode[] = [];
  let nodes = rootNodes;
  let label = 'shape';
  let counter = 0;

  const fresh = (): string => `v${counter++}`;

  const inRoot = (make: () => string): string => {
    const kept = nodes;
    nodes = rootNodes;
    const value = make();
    nodes = kept;
    return value;
  };

  const once = (key: string, make: () => string): string => {
    const known = shared.get(key);
    if (known !== undefined) return known;
    const value = inRoot(make);
    shared.set(key, value);
    return value;
  };

  const initializer = (type: OnnxType, dims: readonly number[], data: ArrayBufferView): string => {
    const bytes = bytesOf(data);
    const add = (): string => {
      const name = `c${counter++}`;
      initializers.push({ name, type, dims, data: bytes });
      return name;
    };
    return bytes.length > 64 ? add() : once(`constant ${type} ${formatShape(dims)} ${bytes.join(' ')}`, add);
  };

  const emitMany: Emitter['emitMany'] = (operator, inputs, { outputs, attributes = {}, domain = '' }) => {
    const names = Array.from({ length: outputs }, fresh);
    nodes.push({ operator, domain, name: `${label}/${names[0]}`, inputs, outputs: names, attributes });
    return names;
  };
  const emit: Emitter['emit'] = (operator, inputs, options = {}) =>
    emitMany(operator, inputs, { ...options, outputs: 1 })[0]!;
  const int64s: Emitter['int64s'] = (list) => initializer('int64', [list.length], BigInt64Array.from(list, BigInt));

  const symbolValue = (symbol: string): string =>
    once(`symbol ${symbol}`, () => {
      const source = symbols.get(symbol);
      if (source === undefined) throw internal(`symbol ${symbol} stands on no input's axis`);
      const attributes = { start: { int: source.axis }, end: { int: source.axis + 1 } };
      return emit('Shape', [source.value], { attributes });
    });

  const dim: Emitter['dim'] = (wanted) => {
    if (typeof wanted === 'number') return int64s([wanted]);
    return once(`dim ${wanted}`, () => {
      const coefficient = dimCoefficient(wanted);
      const factors = dimSymbols(wanted).map(symbolValue);
      if (coefficient !== 1) factors.push(int64s([coefficient]));
      return factors.reduce((product, factor) => emit('Mul', [product, factor]));
    });
  };

  const emitter: Emitter = {
    valueOf(node) {
      const value = values.get(node);
      if (value === undefined) throw internal(`${node.kind} %${idOf(node)} is read before it is lowered`);
      return value;
    },
    bind: (node, value) => void values.set(node, value),
    turnedConstant,
    emit,
    emitMany,
    body(types, build) {
      const kept = nodes;
      const bodyNodes: OnnxNode[] = [];
      nodes = bodyNodes;
      const inputs: OnnxValue[] = types.map((type) => ({ name: fresh(), type, shape: undefined }));
      const outputs = build(inputs.map(({ name }) => name));
      nodes = kept;
      return {
        name: 'body',
        nodes: bodyNodes,
        inputs,
        outputs: outputs.map(({ value, type }) => ({ name: value, type, shape: undefined })),
        initializers: [],
      };
    },
    tensor: ({ dtype, shape, data }) => initializer(dtype, shape, data),
    float: (value) => initializer('float32', [], Float32Array.of(value)),
    int64s,
    integer(type, value) {
      if (type === 'int64') return initializer(type, [], BigInt64Array.of(BigInt(value)));
      return initializer(type, [], type === 'int32' ? Int32Array.of(value) : Uint32Array.of(value));
    },
    dim,
    shape(wanted) {
      if (wanted.every((entry) => typeof entry === 'number')) return int64s(wanted);
      if (wanted.length === 1) return dim(wanted[0]!);
      return once(`shape ${formatShape(wanted)}`, () =>
        emit('Concat', wanted.map(dim), { attributes: { axis: { int: 0 } } }),
      );
    },
    once,
    enter: (node) => void (label = node === undefined ? 'shape' : `%${idOf(node)} ${node.kind}`),
  };
  return { emitter, parts: { nodes: rootNodes, initializers } };
}

/** Casts to one of our own element types or to another that ONNX wants. */
export const CAST_TARGETS: Readonly<Record<DType | 'int64' | 'uint32', number>> = {
  uint8: 2,
  int8: 3,
  float16: 10,
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  uint32: 12,
};

export function castTo(emitter: Emitter, value: string, to: keyof typeof CAST_TARGETS): string {
  return emitter.emit('Cast', [value], { attributes: { to: { int: CAST_TARGETS[to] } } });
}
