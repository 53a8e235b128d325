import { add, div, mul, sqrt, sub, type Node } from '../graph/index.ts';

/** Hyperparameters of all optimizers; each uses those that its formula names. */
export interface OptimizerOptions {
  /** AdamW: decay of the mean of gradients. */
  readonly beta1: number;
  /** AdamW: decay of the mean of squared gradients. */
  readonly beta2: number;
  /** RMSprop: decay of the mean of squared gradients. */
  readonly smoothing: number;
  /** SGD: momentum. */
  readonly momentum: number;
  readonly epsilon: number;
  /** AdamW: decoupled decay; SGD and RMSprop: L2 term added to the gradient. Not applied to vectors (norms, biases). */
  readonly weightDecay: number;
}

export type OptimizerName = 'adamw' | 'sgd' | 'rmsprop';

/** Numbers of one step that the formulas need; computed in float64 on the host and given to the graph as scalars. */
export type StepScalars = Readonly<Record<string, number>>;

export interface Update {
  readonly parameter: Node;
  readonly state: Readonly<Record<string, Node>>;
}

export interface UpdateInputs {
  readonly parameter: Node;
  /** Already clipped. */
  readonly gradient: Node;
  readonly state: Readonly<Record<string, Node>>;
  /** Scalar nodes named as `scalars` names them. */
  readonly scalars: Readonly<Record<string, Node>>;
  readonly decays: boolean;
}

/** One update rule: the names of its state (each of the parameter's shape, zero at first), its scalars, its formula. */
export interface Optimizer {
  readonly name: OptimizerName;
  readonly defaults: OptimizerOptions;
  /** The options that the formula uses; the others have no effect and are refused. */
  readonly uses: readonly (keyof OptimizerOptions)[];
  readonly stateNames: readonly string[];
  /** `step` counts from 1. */
  readonly scalars: (options: OptimizerOptions, learningRate: number, step: number) => StepScalars;
  readonly update: (inputs: UpdateInputs, options: OptimizerOptions) => Update;
}

const DEFAULTS: OptimizerOptions = {
  beta1: 0.9,
  beta2: 0.999,
  smoothing: 0.99,
  momentum: 0.9,
  epsilon: 1e-8,
  weightDecay: 0,
};

/** decay old + (1 - decay) new */
function movingAverage(old: Node, fresh: Node, decay: number): Node {
  return add(mul(old, decay), mul(fresh, 1 - decay));
}

/**
 * m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p = (1 - lr wd) p - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon).
 * Source: Loshchilov and Hutter 2019 (AdamW), in the order of operations of torch.optim.AdamW.
 */
const adamw: Optimizer = {
  name: 'adamw',
  defaults: DEFAULTS,
  uses: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
  stateNames: ['m', 'v'],
  scalars: ({ beta1, beta2, weightDecay }, learningRate, step) => ({
    stepSize: learningRate / (1 - beta1 ** step),
    inverseRootCorrection: 1 / Math.sqrt(1 - beta2 ** step),
    keep: 1 - learningRate * weightDecay,
  }),
  update: ({ parameter, gradient, state, scalars, decays }, { beta1, beta2, epsilon, weightDecay }) => {
    const m = movingAverage(state['m']!, gradient, beta1);
    const v = movingAverage(state['v']!, mul(gradient, gradient), beta2);
    const denominator = add(mul(sqrt(v), scalars['inverseRootCorrection']!), epsilon);
    const kept = decays && weightDecay > 0 ? mul(parameter, scalars['keep']!) : parameter;
    return { parameter: sub(kept, mul(div(m, denominator), scalars['stepSize']!)), state: { m, v } };
  },
};

function withL2(parameter: Node, gradient: Node, weightDecay: number): Node {
  return weightDecay > 0 ? add(gradient, mul(parameter, weightDecay)) : gradient;
}

/** b = momentum b + g; p = p - lr b. Source: torch.optim.SGD (momentum in the form of Sutskever et al. 2013 without dampening). */
const sgd: Optimizer = {
  name: 'sgd',
  defaults: DEFAULTS,
  uses: ['momentum', 'weightDecay'],
  stateNames: ['momentum'],
  scalars: (_options, learningRate) => ({ learningRate }),
  update: ({ parameter, gradient, state, scalars, decays }, { momentum, weightDecay }) => {
    const direction = add(mul(state['momentum']!, momentum), withL2(parameter, gradient, decays ? weightDecay : 0));
    return { parameter: sub(parameter, mul(direction, scalars['learningRate']!)), state: { momentum: direction } };
  },
};

/** v = a v + (1 - a) g^2; p = p - lr g / (sqrt(v) + epsilon). Source: Hinton 2012, lecture 6e, as torch.optim.RMSprop; the DPO paper's optimizer. */
const rmsprop: Optimizer = {
  name: 'rmsprop',
  defaults: DEFAULTS,
  uses: ['smoothing', 'epsilon', 'weightDecay'],
  stateNames: ['v'],
  scalars: (_options, learningRate) => ({ learningRate }),
  update: ({ parameter, gradient, state, scalars, decays }, { smoothing, epsilon, weightDecay }) => {
    const direction = withL2(parameter, gradient, decays ? weightDecay : 0);
    const v = movingAverage(state['v']!, mul(direction, direction), smoothing);
    const step = div(mul(direction, scalars['learningRate']!), add(sqrt(v), epsilon));
    return { parameter: sub(parameter, step), state: { v } };
  },
};

export const OPTIMIZERS: Readonly<Record<OptimizerName, Optimizer>> = { adamw, sgd, rmsprop };
