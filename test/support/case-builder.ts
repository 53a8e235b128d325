import {
  createRandom,
  elementCount,
  float32Tensor,
  float32ToFloat16,
  hostTensor,
  int32Tensor,
  type CompactDType,
  type DType,
  type HostTensor,
  type Random,
} from '../../src/core/index.ts';
import { evaluateShape, graph, input, type Graph, type Node, type Shape } from '../../src/graph/index.ts';

/** What the symbols of the cases stand for. Z is an axis without elements. */
export const CASE_SYMBOLS = { B: 2, S: 3, T: 5, Z: 0 } as const;

/** A small graph with inputs for it. */
export interface BuiltCase {
  /** One output, named `y`. */
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, HostTensor>>;
}

/** One situation in which a node kind must be right. */
export interface NodeCase {
  readonly name: string;
  readonly build: () => BuiltCase;
  /** The float32 inputs in which `y` is differentiable at the given values; empty where the kind has no gradient. */
  readonly differentiate: readonly string[];
}

/** An input of a case: its declared shape (symbols allowed) and how its elements are made. */
export interface Given {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: (count: number, random: Random) => readonly number[];
}

/** float32, standard normal, each element passed through `map`. */
export function normal(shape: Shape, map: (z: number) => number = (z) => z): Given {
  return {
    shape,
    dtype: 'float32',
    values: (count, random) => Array.from({ length: count }, () => map(random.nextNormal())),
  };
}

export function floats(shape: Shape, values: readonly number[]): Given {
  return { shape, dtype: 'float32', values: () => values };
}

export function ints(shape: Shape, values: readonly number[]): Given {
  return { shape, dtype: 'int32', values: () => values };
}

/** int32, uniform in [0, limit). */
export function randomInts(shape: Shape, limit: number): Given {
  return {
    shape,
    dtype: 'int32',
    values: (count, random) => Array.from({ length: count }, () => random.nextInt(limit)),
  };
}

/** Whole numbers of a compact dtype (float16: any numbers), uniform in [least, most]. */
export function compact(dtype: CompactDType, shape: Shape, [least, most]: readonly [number, number]): Given {
  return {
    shape,
    dtype,
    values: (count, random) => Array.from({ length: count }, () => least + random.nextInt(most - least + 1)),
  };
}

/** 1 is true, 0 is false. */
export function bools(shape: Shape, values: readonly number[]): Given {
  return { shape, dtype: 'bool', values: () => values };
}

function tensorOf({ shape, dtype, values }: Given, random: Random): HostTensor {
  const concrete = evaluateShape(shape, CASE_SYMBOLS);
  const elements = values(elementCount(concrete), random);
  if (dtype === 'float32') return float32Tensor(concrete, elements);
  if (dtype === 'int32') return int32Tensor(concrete, elements);
  if (dtype === 'int8') return hostTensor(dtype, concrete, Int8Array.from(elements));
  if (dtype === 'float16') return hostTensor(dtype, concrete, Uint16Array.from(elements, float32ToFloat16));
  return hostTensor(dtype, concrete, Uint8Array.from(elements));
}

/**
 * A case whose graph is `make` over one input node for each given value. The random elements depend on the case's and the
 * input's name only.
 */
export function nodeCase<const G extends Readonly<Record<string, Given>>>(
  name: string,
  givens: G,
  make: (nodes: { readonly [K in keyof G]: Node }) => Node,
  differentiate: readonly (keyof G & string)[] = [],
): NodeCase {
  const build = (): BuiltCase => {
    const entries = Object.entries(givens);
    const nodes = entries.map(([key, given]) => [key, input(key, given.shape, given.dtype)]);
    const tensors = entries.map(([key, given]) => [key, tensorOf(given, createRandom(7, `${name}/${key}`))]);
    const y = make(Object.fromEntries(nodes) as { readonly [K in keyof G]: Node });
    return { graph: graph({ y }), inputs: Object.fromEntries(tensors) as Record<string, HostTensor> };
  };
  return { name, build, differentiate };
}
