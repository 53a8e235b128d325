import { vectorJacobian } from '../autodiff/index.ts';
import { add, graph, input, mul, reduceSum, topologicalOrder, type Graph, type Node } from '../graph/index.ts';
import type { Decoder } from '../models/index.ts';
import { gradientName, type TrainedParameter } from '../optim/index.ts';
import { FORWARD_STATISTICS, scoringGraph, scoringOutputs, type ScoringOptions } from './scoring-graph.ts';

/** The forward pass of completions: logps, entropies, meanLogits [R]. */
const COMPLETIONS = { per: 'answer', statistics: FORWARD_STATISTICS } as const satisfies ScoringOptions;

/** logps, entropies, meanLogits [R] of completions. */
export function completionScoreGraph(decoder: Decoder): Graph {
  return scoringGraph({ decoder }, COMPLETIONS);
}

export interface LossGraphOptions {
  /** What is trained; none for evaluation. */
  readonly parameters: readonly TrainedParameter[];
}

/** gradient/<p> as input, a gradient added as output accumulated/<p>. */
export function addToGradients(
  parameters: readonly TrainedParameter[],
  gradients: readonly Node[],
): Record<string, Node> {
  return Object.fromEntries(
    parameters.map(({ name, shape }, i) => [
      `accumulated/${name}`,
      add(input(gradientName(name), shape), gradients[i]!),
    ]),
  );
}

/** The gradients of lossScale * loss, added to what is there. */
export function accumulate(
  loss: Node,
  parameters: readonly TrainedParameter[],
  nodes: readonly Node[],
): Record<string, Node> {
  const one = input('lossScale', []);
  return addToGradients(parameters, vectorJacobian([loss], [one], nodes));
}

/** The input nodes of the trained parameters in a graph; fresh inputs for those that it does not reach. */
export function parameterNodes(roots: readonly Node[], parameters: readonly TrainedParameter[]): Node[] {
  const inputs = new Map(
    topologicalOrder(roots).map((node) => [node.kind === 'input' ? node.attributes.name : '', node]),
  );
  return parameters.map(({ name, shape }) => inputs.get(name) ?? input(name, shape));
}

/**
 * Supervised fine-tuning: `losses` [R] = -sum of log-probabilities of each completion, and the accumulated gradients of
 * lossScale * sum of losses; lossScale = 1 / (scored tokens of the optimizer batch) makes it the mean over tokens.
 */
export function completionLossGraph(decoder: Decoder, { parameters }: LossGraphOptions): Graph {
  const scores = scoringOutputs({ decoder }, COMPLETIONS);
  const losses = mul(scores['logps']!, -1);
  return graph({
    losses,
    ...scores,
    ...accumulate(reduceSum(losses), parameters, parameterNodes([losses], parameters)),
  });
}
