import { internal } from '../core/index.ts';
import { add, graph, input, mul, reduceSum, sqrt, type Graph, type Node } from '../graph/index.ts';
import type { Optimizer, OptimizerOptions } from './optimizer.ts';

/** A trained tensor: its name and shape. */
export interface TrainedParameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its learning rate as a multiple of the step's, positive. Default 1. Source: Hayou et al. 2024 (LoRA+), who let B learn faster than A. */
  readonly rateFactor?: number;
}

/** The names under which the programs of training know a parameter's tensors. */
export function gradientName(parameter: string): string {
  return `gradient/${parameter}`;
}

export function stateName(state: string, parameter: string): string {
  return `optimizer/${state}/${parameter}`;
}

/** The input that holds an optimizer's scalar for the parameters with a rate factor. */
export function scalarName(scalar: string, rateFactor: number): string {
  return rateFactor === 1 ? scalar : `${scalar}/${rateFactor}`;
}

/** An optimizer's scalars of a step for every rate factor of the parameters, by the names of their inputs. `step` counts from 1. */
export function stepScalars(
  parameters: readonly TrainedParameter[],
  { optimizer, options }: { readonly optimizer: Optimizer; readonly options: OptimizerOptions },
  { learningRate, step }: { readonly learningRate: number; readonly step: number },
): Readonly<Record<string, number>> {
  const factors = new Set(parameters.map(({ rateFactor = 1 }) => rateFactor));
  return Object.fromEntries(
    [...factors].flatMap((factor) =>
      Object.entries(optimizer.scalars(options, learningRate * factor, step)).map(
        ([name, value]) => [scalarName(name, factor), value] as const,
      ),
    ),
  );
}

/** gradientNorm = sqrt(sum over all parameters of |gradient|^2), a scalar. Throws `internal:` without parameters. */
export function gradientNormGraph(parameters: readonly TrainedParameter[]): Graph {
  if (parameters.length === 0) throw internal('gradientNormGraph: there must be parameters to train');
  const squares = parameters.map(({ name, shape }) => {
    const gradient = input(gradientName(name), shape);
    return reduceSum(mul(gradient, gradient));
  });
  return graph({ gradientNorm: sqrt(squares.reduce((sum, square) => add(sum, square))) });
}

/**
 * One optimizer step for every parameter. Inputs: each parameter under its own name, its gradient, its state, `clip` (the
 * factor that global-norm clipping multiplies gradients by) and the optimizer's scalars under scalarName. Outputs `new/<input name>` for
 * each parameter and state. Weight decay pulls on matrices alone: parameters of one axis (norm weights, biases) do not decay,
 * as in Transformers' Trainer.
 */
export function updateGraph(
  parameters: readonly TrainedParameter[],
  optimizer: Optimizer,
  options: OptimizerOptions,
): Graph {
  const scalarNames = Object.keys(optimizer.scalars(options, 1, 1));
  const factors = new Set(parameters.map(({ rateFactor = 1 }) => rateFactor));
  const scalars = new Map<number, Record<string, Node>>(
    [...factors].map((factor) => [
      factor,
      Object.fromEntries(scalarNames.map((name) => [name, input(scalarName(name, factor), [])])),
    ]),
  );
  const clip = input('clip', []);
  const outputs: Record<string, Node> = {};
  for (const { name, shape, rateFactor = 1 } of parameters) {
    const gradient = input(gradientName(name), shape);
    const state = Object.fromEntries(optimizer.stateNames.map((key) => [key, input(stateName(key, name), shape)]));
    const updated = optimizer.update(
      {
        parameter: input(name, shape),
        gradient: mul(gradient, clip),
        state,
        scalars: scalars.get(rateFactor)!,
        decays: shape.length > 1,
      },
      options,
    );
    outputs[`new/${name}`] = updated.parameter;
    for (const [key, node] of Object.entries(updated.state)) outputs[`new/${stateName(key, name)}`] = node;
  }
  return graph(outputs);
}

/** The factor of global-norm clipping, min(1, maximum / (norm + 1e-6)). Source: torch.nn.utils.clip_grad_norm_. */
export function clipFactor(norm: number, maximum: number | undefined): number {
  return maximum === undefined ? 1 : Math.min(1, maximum / (norm + 1e-6));
}
