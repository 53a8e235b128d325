import { createRandom, elementCount } from '../../src/core/index.ts';
import { vectorJacobian } from '../../src/autodiff/index.ts';
import { graph, graphInputs, input, type Node } from '../../src/graph/index.ts';
import { interpret, type Float64Tensor, type InterpreterInputs } from '../../src/interpret/index.ts';

/** What central differences say about a gradient graph. */
export interface GradientComparison {
  readonly name: string;
  /** From the gradient graph, in float64. */
  readonly gradient: Float64Array;
  /** From central differences, in float64. */
  readonly differences: Float64Array;
  /** The largest |gradient - difference| relative to the difference, to 1% of the tensor's largest, or to 1e-3. */
  readonly relativeError: number;
}

const COTANGENT = 'cotangent';

function toFloat64(inputs: InterpreterInputs, name: string): Float64Tensor {
  const { shape, data } = inputs[name]!;
  return { dtype: 'float64', shape, data: Float64Array.from(data) };
}

/**
 * sum(cotangent * dy/dx_i) for every element i of one input, by central differences of fourth order:
 * (8 (y(+h) - y(-h)) - (y(+2h) - y(-2h))) / 12h. The step is h = step * min(1, |x_i|).
 */
function centralDifferences(y: Node, inputs: InterpreterInputs, name: string, step: number): Float64Array {
  const source = graph({ y });
  const cotangent = toFloat64(inputs, COTANGENT).data;
  const names = new Set(graphInputs(source).map((node) => node.attributes.name));
  const given = Object.fromEntries(Object.entries(inputs).filter(([key]) => names.has(key)));
  const x = toFloat64(inputs, name);
  const evaluate = (position: number, value: number): Float64Array => {
    const data = Float64Array.from(x.data);
    data[position] = value;
    return interpret(source, { ...given, [name]: { ...x, data } })['y']!.data;
  };
  return x.data.map((value, position) => {
    if (!names.has(name)) return 0;
    const h = step * (value === 0 ? 1 : Math.min(1, Math.abs(value)));
    const at = (steps: number): Float64Array => evaluate(position, value + steps * h);
    const [far, near, back, farBack] = [at(2), at(1), at(-1), at(-2)];
    return cotangent.reduce((sum, weight, i) => {
      const difference = 8 * (near[i]! - back[i]!) - (far[i]! - farBack[i]!);
      return sum + weight * (difference / (12 * h));
    }, 0);
  });
}

function relativeErrorOf(gradient: Float64Array, differences: Float64Array): number {
  const largest = differences.reduce((most, difference) => Math.max(most, Math.abs(difference)), 0);
  const errors = gradient.map((element, i) => {
    const scale = Math.max(Math.abs(differences[i]!), largest / 100, 1e-3);
    return Math.abs(element - differences[i]!) / scale;
  });
  return errors.reduce((most, error) => (error > most || Number.isNaN(error) ? error : most), 0);
}

/**
 * Compares the gradient graph of sum(c * y), c a seeded normal cotangent, with central differences, for the float32 inputs
 * `names` of the graph of `y`. Everything is evaluated in float64 by the interpreter. `inputs` has every input of `y`.
 * Rounding grows as 1 / step and the error of the differences as step^4: take 1e-4 for long compositions.
 */
export function compareGradients(
  y: Node,
  inputs: InterpreterInputs,
  names: readonly string[],
  step = 1e-3,
): GradientComparison[] {
  const { shape } = interpret(graph({ y }), inputs)['y']!;
  const random = createRandom(11, COTANGENT);
  const data = Float64Array.from({ length: elementCount(shape) }, () => random.nextNormal());
  const all: InterpreterInputs = { ...inputs, [COTANGENT]: { dtype: 'float64', shape, data } };
  const nodes = graphInputs(graph({ y }));
  const wrt = names.map((name) => nodes.find((node) => node.attributes.name === name)!);
  const gradients = vectorJacobian([y], [input(COTANGENT, y.shape)], wrt);
  // y stands among the outputs so that every input and symbol is known.
  const outputs = Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i]!]));
  const source = graph({ ...outputs, y });
  const needsCotangent = graphInputs(source).some((node) => node.attributes.name === COTANGENT);
  const values = interpret(source, needsCotangent ? all : inputs);
  return names.map((name) => {
    const gradient = values[`d ${name}`]!.data;
    const differences = centralDifferences(y, all, name, step);
    return { name, gradient, differences, relativeError: relativeErrorOf(gradient, differences) };
  });
}
