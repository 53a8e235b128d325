import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { float32Tensor, type HostTensor } from '../core/index.ts';
import { graphInputs } from '../graph/index.ts';
import { interpret, type InterpreterInputs } from '../interpret/index.ts';
import { openDevice, type Device } from '../runtime/index.ts';
import { OPTIMIZERS, type OptimizerName, type OptimizerOptions } from './optimizer.ts';
import { clipFactor, gradientName, gradientNormGraph, stateName, updateGraph } from './update-graph.ts';

/** What torch computed: test/fixtures/trajectory/record_optimizers.py. */
interface Recorded {
  readonly initial: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly optimizers: readonly {
    readonly name: OptimizerName;
    readonly options: Readonly<Record<string, number | boolean | readonly number[]>>;
    readonly float64: Trajectory;
    readonly float32: Trajectory;
  }[];
  readonly clipping: readonly {
    readonly gradients: readonly (readonly number[])[];
    readonly max_norm: number;
    readonly norm: number;
    readonly clipped: readonly (readonly number[])[];
  }[];
}

interface Trajectory {
  readonly values: readonly (readonly number[])[];
  readonly state: Readonly<Record<string, readonly number[] | number>>;
}

const FIXTURE = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'trajectory', 'optimizers.json');
const recorded = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Recorded;

/** For each optimizer, torch's names of its options and its state, and its first step by hand. */
const TABLE = {
  adamw: {
    options: ({ betas, eps, weight_decay: weightDecay }: Record<string, unknown>) => {
      const [beta1, beta2] = betas as [number, number];
      return { beta1, beta2, epsilon: eps as number, weightDecay: weightDecay as number };
    },
    state: { m: 'exp_avg', v: 'exp_avg_sq' },
    // m = 0.1 g, v = 0.001 g^2; both corrections cancel the factors: p - lr g / (|g| + 1e-8).
    firstStep: (p: number, g: number, lr: number) => p - (lr * g) / (Math.abs(g) + 1e-8),
    decay: 'decoupled',
  },
  sgd: {
    options: ({ momentum, weight_decay: weightDecay }: Record<string, unknown>) => ({
      momentum: momentum as number,
      weightDecay: weightDecay as number,
    }),
    state: { momentum: 'momentum_buffer' },
    // b = 0.9 * 0 + g
    firstStep: (p: number, g: number, lr: number) => p - lr * g,
    decay: 'L2',
  },
  rmsprop: {
    options: ({ alpha, eps, weight_decay: weightDecay }: Record<string, unknown>) => ({
      smoothing: alpha as number,
      epsilon: eps as number,
      weightDecay: weightDecay as number,
    }),
    state: { v: 'square_avg' },
    // v = 0.01 g^2, not corrected: ten times the usual step.
    firstStep: (p: number, g: number, lr: number) => p - (lr * g) / (0.1 * Math.abs(g) + 1e-8),
    decay: 'L2',
  },
} satisfies Record<
  OptimizerName,
  {
    options: (torch: Record<string, unknown>) => Partial<OptimizerOptions>;
    state: Readonly<Record<string, string>>;
    firstStep: (p: number, g: number, lr: number) => number;
    decay: 'decoupled' | 'L2';
  }
>;

/** Runs a step for one parameter `p`: values and state before, then after. */
type Step = (inputs: InterpreterInputs) => Promise<Readonly<Record<string, ArrayLike<number>>>>;

interface Run {
  readonly name: OptimizerName;
  readonly options: OptimizerOptions;
  readonly learningRate: number;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'float64';
}

const graphOf = ({ name, options, shape }: Run) => updateGraph([{ name: 'p', shape }], OPTIMIZERS[name], options);

async function trajectoryOf(run: Run, step: Step): Promise<{ values: number[][]; state: Record<string, number[]> }> {
  const { name, options, learningRate, shape, dtype } = run;
  const optimizer = OPTIMIZERS[name];
  const tensor = (values: readonly number[], dims = shape) =>
    dtype === 'float32' ? float32Tensor(dims, values) : { dtype, shape: dims, data: Float64Array.from(values) };
  const zeros = recorded.initial.map(() => 0);
  let state = Object.fromEntries(optimizer.stateNames.map((key) => [stateName(key, 'p'), zeros]));
  let parameter = [...recorded.initial];
  const values: number[][] = [];
  for (const [index, gradient] of recorded.gradients.entries()) {
    const scalars = { ...optimizer.scalars(options, learningRate, index + 1), clip: 1 };
    const outputs = await step({
      p: tensor(parameter),
      [gradientName('p')]: tensor(gradient),
      ...Object.fromEntries(Object.entries(state).map(([key, value]) => [key, tensor(value)])),
      ...Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, tensor([value], [])])),
    });
    parameter = Array.from(outputs['new/p']!);
    values.push(parameter);
    state = Object.fromEntries(Object.keys(state).map((key) => [key, Array.from(outputs[`new/${key}`]!)]));
  }
  const byKey = optimizer.stateNames.map((key) => [key, state[stateName(key, 'p')]!] as const);
  return { values, state: Object.fromEntries(byKey) };
}

function interpreterStep(run: Run): Step {
  const source = graphOf(run);
  const names = new Set(graphInputs(source).map((node) => node.attributes.name));
  return (inputs) => {
    const used = Object.fromEntries(Object.entries(inputs).filter(([name]) => names.has(name)));
    const outputs = interpret(source, used);
    return Promise.resolve(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data])));
  };
}

async function deviceStep(device: Device, run: Run): Promise<Step> {
  const program = await device.compile(graphOf(run), { label: run.name });
  const names = new Set(program.inputs.map(({ name }) => name));
  return async (inputs) => {
    const used = Object.entries(inputs).filter(([name]) => names.has(name));
    const outputs = await program.run(Object.fromEntries(used) as Record<string, HostTensor>);
    return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, (value as HostTensor).data]));
  };
}

/** The largest |a - b| / max(1e-3, |b|). */
function relativeError(actual: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): number {
  const errors = wanted.flatMap((row, i) =>
    row.map((value, j) => Math.abs(actual[i]![j]! - value) / Math.max(1e-3, Math.abs(value))),
  );
  expect(actual.flat().length).toBe(errors.length);
  return Math.max(...errors);
}

let device: Device;
beforeAll(async () => {
  device = await openDevice({ threads: 1 });
});
afterAll(() => device.dispose());

/** RMSprop's momentum is no option of preftune; torch's recording with it is of no use here. */
const cases = recorded.optimizers.filter(({ name, options }) => name !== 'rmsprop' || options['momentum'] === 0);

describe.each(cases)('$name with $options', ({ name, options, float64, float32 }) => {
  const table = TABLE[name];
  const run = (dtype: Run['dtype']): Run => ({
    name,
    options: { ...OPTIMIZERS[name].defaults, ...table.options(options) },
    learningRate: options['lr'] as number,
    shape: [2, 3],
    dtype,
  });

  test('takes the steps of torch in float64', async () => {
    const { values, state } = await trajectoryOf(run('float64'), interpreterStep(run('float64')));
    // beta, epsilon and decay are float32 constants of the graph: one part in 1.7e7.
    expect(relativeError(values, float64.values)).toBeLessThan(2e-6);
    for (const [ours, theirs] of Object.entries(table.state)) {
      const expected = float64.state[theirs] as readonly number[] | undefined;
      if (expected !== undefined) expect(relativeError([state[ours]!], [expected])).toBeLessThan(2e-6);
    }
  });

  test('takes the steps of torch in float32 on ONNX Runtime', async () => {
    const { values } = await trajectoryOf(run('float32'), await deviceStep(device, run('float32')));
    expect(relativeError(values, float32.values)).toBeLessThan(2e-6);
    expect(values.at(-1)![3]).toBe(float32.values.at(-1)![3]);
  });
});

describe.each(Object.entries(TABLE))('%s', (name, { firstStep, decay }) => {
  const optimizer = OPTIMIZERS[name as OptimizerName];

  test('takes the first step that its formula gives by hand', async () => {
    const run: Run = {
      name: optimizer.name,
      options: optimizer.defaults,
      learningRate: 0.01,
      shape: [6],
      dtype: 'float64',
    };
    const { values } = await trajectoryOf(run, interpreterStep(run));
    const gradient = recorded.gradients[0]!;
    const expected = recorded.initial.map((p, i) => firstStep(p, gradient[i]!, 0.01));
    expect(relativeError([values[0]!], [expected])).toBeLessThan(1e-6);
  });

  test('decays matrices and leaves vectors alone', async () => {
    const options = { ...optimizer.defaults, weightDecay: 0.5 };
    const valuesOf = async (shape: readonly number[], used: OptimizerOptions): Promise<number[][]> => {
      const run: Run = { name: optimizer.name, options: used, learningRate: 0.01, shape, dtype: 'float64' };
      return (await trajectoryOf(run, interpreterStep(run))).values;
    };
    expect(await valuesOf([6], options)).toEqual(await valuesOf([6], optimizer.defaults));
    const gradient = recorded.gradients[0]!;
    const expected = recorded.initial.map((p, i) =>
      decay === 'L2' ? firstStep(p, gradient[i]! + 0.5 * p, 0.01) : firstStep(p, gradient[i]!, 0.01) - 0.01 * 0.5 * p,
    );
    for (const shape of [
      [6, 1],
      [2, 3],
      [1, 2, 3],
    ])
      expect(relativeError([(await valuesOf(shape, options))[0]!], [expected])).toBeLessThan(1e-6);
  });

  test('uses exactly the options that it says it uses', () => {
    const { defaults, uses, scalars } = optimizer;
    const printed = (options: OptimizerOptions): string =>
      JSON.stringify([scalars(options, 0.1, 3), updateGraph([{ name: 'p', shape: [2, 2] }], optimizer, options)]);
    const differs = (Object.keys(defaults) as (keyof OptimizerOptions)[]).filter(
      (option) => printed({ ...defaults, [option]: 0.37 }) !== printed(defaults),
    );
    expect(differs.toSorted()).toEqual([...uses].toSorted());
  });
});

function oneElement(value: number): HostTensor {
  return float32Tensor([1], [value]);
}

describe('clipping', () => {
  test.each(recorded.clipping)('to $max_norm from $norm, as torch', ({ gradients, max_norm, norm, clipped }) => {
    const parameters = gradients.map((part, i) => ({ name: `p${i}`, shape: [part.length] }));
    const inputs = Object.fromEntries(
      gradients.map((part, i) => [gradientName(`p${i}`), float32Tensor([part.length], part)]),
    );
    const measured = interpret(gradientNormGraph(parameters), inputs)['gradientNorm']!.data[0]!;
    expect(measured).toBeCloseTo(norm, 6);
    const factor = clipFactor(norm, max_norm);
    const ours = gradients.map((part) => part.map((value) => value * factor));
    expect(relativeError(ours, clipped)).toBeLessThan(1e-12);
  });

  test('multiplies the gradient before anything else sees it', () => {
    const source = updateGraph([{ name: 'p', shape: [1] }], OPTIMIZERS.sgd, OPTIMIZERS.sgd.defaults);
    const outputs = interpret(source, {
      p: oneElement(3),
      [gradientName('p')]: oneElement(8),
      [stateName('momentum', 'p')]: oneElement(2),
      clip: float32Tensor([], [0.25]),
      learningRate: float32Tensor([], [0.5]),
    });
    // b = 0.9 * 2 + 0.25 * 8 = 3.8; p = 3 - 0.5 * 3.8 = 1.1; 0.9 is a float32.
    expect(outputs['new/p']!.data[0]).toBeCloseTo(1.1, 7);
    expect(outputs[`new/${stateName('momentum', 'p')}`]!.data[0]).toBeCloseTo(3.8, 7);
  });

  test('is off without a maximum, and keeps a gradient of 0', () => {
    expect([clipFactor(1e9, undefined), clipFactor(0, 1), clipFactor(0.5, 1)]).toEqual([1, 1, 1]);
    expect(clipFactor(4, 1)).toBe(1 / 4.000001);
  });

  test('needs parameters', () => {
    expect(() => gradientNormGraph([])).toThrow('internal: gradientNormGraph: there must be parameters to train');
  });
});
