import { badInput, elementCount, type HostTensor } from '../core/index.ts';
import { evaluateDim, formatShape, type NodeOf } from '../graph/index.ts';
import { elementsOf, valueDType, type Value, type ValueDType } from './value.ts';

/** A float32 input given in more digits than a HostTensor holds, for central differences. */
export interface Float64Tensor {
  readonly dtype: 'float64';
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type InterpreterInputs = Readonly<Record<string, HostTensor | Float64Tensor>>;

/** Inputs as values, and what the symbols stand for. */
export interface Binding {
  readonly values: ReadonlyMap<string, Value>;
  readonly dims: Readonly<Record<string, number>>;
}

interface Sighting {
  readonly value: number;
  readonly name: string;
}

function dtypeOf({ dtype }: HostTensor | Float64Tensor): ValueDType {
  return dtype === 'float64' ? dtype : valueDType(dtype);
}

function toValue(tensor: HostTensor | Float64Tensor): Value {
  const data = tensor.dtype === 'float64' ? Float64Array.from(tensor.data) : elementsOf(tensor);
  return { dtype: dtypeOf(tensor), shape: tensor.shape, data };
}

function bindSymbols(node: NodeOf<'input'>, shape: readonly number[], sightings: Map<string, Sighting>): string[] {
  const { name } = node.attributes;
  const problems: string[] = [];
  for (const [axis, dim] of node.shape.entries()) {
    if (typeof dim === 'number' || dim.includes('*')) continue;
    const value = shape[axis]!;
    const earlier = sightings.get(dim);
    if (earlier === undefined) sightings.set(dim, { value, name });
    else if (earlier.value !== value)
      problems.push(
        `symbol ${dim} must have one value, got ${earlier.value} from input "${earlier.name}" and ${value} from input "${name}"`,
      );
  }
  return problems;
}

function problemOf(node: NodeOf<'input'>, tensor: HostTensor | Float64Tensor): string | undefined {
  const where = `input "${node.attributes.name}"`;
  if (valueDType(node.dtype) !== dtypeOf(tensor)) return `${where} must be ${node.dtype}, got ${tensor.dtype}`;
  const { shape, data } = tensor;
  const fits =
    shape.length === node.shape.length &&
    node.shape.every((dim, axis) => typeof dim === 'string' || dim === shape[axis]);
  if (!fits) return `${where} must have shape ${formatShape(node.shape)}, got ${formatShape(shape)}`;
  const count = elementCount(shape);
  if (data.length !== count)
    return `${where} must hold ${count} elements for shape ${formatShape(shape)}, got ${data.length}`;
  const odd = node.dtype === 'bool' ? data.find((element) => element !== 0 && element !== 1) : undefined;
  return odd === undefined ? undefined : `${where} must hold 0 or 1 as bool elements, got ${odd}`;
}

function productProblems(nodes: readonly NodeOf<'input'>[], given: InterpreterInputs, dims: Binding['dims']): string[] {
  return nodes.flatMap((node) =>
    node.shape.flatMap((dim, axis) => {
      if (typeof dim === 'number' || !dim.includes('*')) return [];
      const expected = evaluateDim(dim, dims);
      const actual = given[node.attributes.name]!.shape[axis];
      if (actual === expected) return [];
      return [
        `axis ${axis} of input "${node.attributes.name}" must have length ${dim} = ${expected}, got ${String(actual)}`,
      ];
    }),
  );
}

/**
 * Checks `given` against the graph's inputs and reads the symbols' values off their shapes. Throws bad-input with every
 * missing, surplus, mistyped or misshapen input and every symbol with two values.
 */
export function bindInputs(nodes: readonly NodeOf<'input'>[], given: InterpreterInputs): Binding {
  const names = nodes.map((node) => node.attributes.name);
  const problems: string[] = [];
  const sightings = new Map<string, Sighting>();
  const values = new Map<string, Value>();
  for (const name of Object.keys(given)) {
    if (!names.includes(name))
      problems.push(
        `"${name}" must be an input of the graph, its inputs are ${names.join(', ') || 'none'}; leave it out`,
      );
  }
  for (const node of nodes) {
    const { name } = node.attributes;
    const tensor = Object.hasOwn(given, name) ? given[name] : undefined;
    if (tensor === undefined) {
      problems.push(`input "${name}" must be given as ${node.dtype} ${formatShape(node.shape)}, got nothing`);
      continue;
    }
    const problem = problemOf(node, tensor);
    if (problem !== undefined) {
      problems.push(problem);
      continue;
    }
    problems.push(...bindSymbols(node, tensor.shape, sightings));
    values.set(name, toValue(tensor));
  }
  const dims = Object.fromEntries(Array.from(sightings, ([symbol, { value }]) => [symbol, value]));
  if (problems.length === 0) problems.push(...productProblems(nodes, given, dims));
  if (problems.length > 0) throw badInput(problems.map((message) => ({ message: `interpret: ${message}` })));
  return { values, dims };
}
