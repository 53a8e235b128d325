import { vectorJacobian } from '../autodiff/index.ts';
import {
  add,
  div,
  graph,
  input,
  mul,
  reduceSum,
  reshape,
  scatterAdd,
  slice,
  topologicalOrder,
  type Dim,
  type Graph,
  type Node,
} from '../graph/index.ts';
import { hiddenStates, packedAttention, packedInputs, tokenStatistics, type Decoder } from '../models/index.ts';
import type { Objective, ObjectiveOptions } from '../objectives/index.ts';
import { gradientName, type TrainedParameter } from '../optim/index.ts';

/**
 * The graphs of a batch: from packed tokens to log-probabilities, losses and gradients. Symbols: T tokens, B rows of the
 * layout and S its length, U predicting tokens, C scored tokens, R pairs (or completions).
 */

/** Sums over the scored tokens of each owner, with the means that the metrics report. */
interface OwnerSums {
  /** Sum of log-probabilities, nats. */
  readonly logps: Node;
  /** Mean entropy of the next-token distributions, nats. */
  readonly entropies: Node;
  /** Mean score over positions and vocabulary. */
  readonly meanLogits: Node;
}

/** Owners are `owners` many, in the shape of the input `counts` (scored tokens of each owner, float32). */
function sumByOwner(decoder: Decoder, counts: Node, owners: Dim): OwnerSums {
  const packed = packedInputs();
  const hidden = hiddenStates(decoder, {
    tokens: packed.tokens,
    positions: packed.positions,
    attend: packedAttention(decoder.config, packed),
    rows: input('lossRows', ['U'], 'int32'),
  });
  const owner = input('owners', ['C'], 'int32');
  const statistics = tokenStatistics(decoder, {
    hidden,
    predict: input('predict', ['C'], 'int32'),
    targets: input('targets', ['C'], 'int32'),
  });
  const total = (x: Node): Node => reshape(scatterAdd(x, owner, owners), counts.shape);
  return {
    logps: total(statistics.logps),
    entropies: div(total(statistics.entropies), counts),
    meanLogits: div(total(statistics.meanLogits), counts),
  };
}

/** The outputs that every graph of a batch has, and that need the forward pass alone. */
export const FORWARD_OUTPUTS = ['logps', 'entropies', 'meanLogits'] as const;

/** logps, entropies, meanLogits [R, 2] (chosen, rejected) of pairs. */
export function pairScoreGraph(decoder: Decoder): Graph {
  return graph({ ...sumByOwner(decoder, input('counts', ['R', 2]), '2*R') });
}

/** logps, entropies, meanLogits [R] of completions. */
export function completionScoreGraph(decoder: Decoder): Graph {
  return graph({ ...sumByOwner(decoder, input('counts', ['R']), 'R') });
}

export interface LossGraphOptions {
  /** What is trained; none for evaluation. */
  readonly parameters: readonly TrainedParameter[];
}

/** gradient/<p> as input, the loss's gradient added as output accumulated/<p>. */
function accumulate(loss: Node, parameters: readonly TrainedParameter[], nodes: readonly Node[]): Record<string, Node> {
  const one = input('lossScale', []);
  const gradients = vectorJacobian([loss], [one], nodes);
  return Object.fromEntries(
    parameters.map(({ name, shape }, i) => [
      `accumulated/${name}`,
      add(input(gradientName(name), shape), gradients[i]!),
    ]),
  );
}

/** The input nodes of the trained parameters in a graph; fresh inputs for those that it does not reach. */
function parameterNodes(root: Node, parameters: readonly TrainedParameter[]): Node[] {
  const inputs = new Map(
    topologicalOrder([root]).map((node) => [node.kind === 'input' ? node.attributes.name : '', node]),
  );
  return parameters.map(({ name, shape }) => inputs.get(name) ?? input(name, shape));
}

/** Column 0 (chosen) or 1 (rejected) of [R, 2] as [R]. */
function side(x: Node, column: 0 | 1): Node {
  return reshape(slice(x, { axis: 1, start: column, end: column + 1 }), ['R']);
}

/**
 * A preference loss over pairs: `losses` [R], the outputs of pairScoreGraph, and for each parameter `accumulated/<p>` =
 * gradient/<p> + lossScale * d(sum of losses)/dp. With lossScale = 1 / (pairs of the optimizer batch), the sum over
 * micro-batches is the gradient of the mean loss, however the batch was cut. Input `referenceLogps` [R, 2].
 */
export function pairLossGraph(
  decoder: Decoder,
  {
    objective,
    options,
    parameters,
  }: LossGraphOptions & { readonly objective: Objective; readonly options: ObjectiveOptions },
): Graph {
  const sums = sumByOwner(decoder, input('counts', ['R', 2]), '2*R');
  const reference = input('referenceLogps', ['R', 2]);
  const losses = objective.loss(
    {
      chosenLogps: side(sums.logps, 0),
      rejectedLogps: side(sums.logps, 1),
      referenceChosenLogps: side(reference, 0),
      referenceRejectedLogps: side(reference, 1),
    },
    options,
  );
  const forward = { losses, ...sums };
  return graph({ ...forward, ...accumulate(reduceSum(losses), parameters, parameterNodes(losses, parameters)) });
}

/**
 * Supervised fine-tuning: `losses` [R] = -sum of log-probabilities of each completion, and the accumulated gradients of
 * lossScale * sum of losses; lossScale = 1 / (scored tokens of the optimizer batch) makes it the mean over tokens.
 */
export function completionLossGraph(decoder: Decoder, { parameters }: LossGraphOptions): Graph {
  const sums = sumByOwner(decoder, input('counts', ['R']), 'R');
  const losses = mul(sums.logps, -1);
  return graph({ losses, ...sums, ...accumulate(reduceSum(losses), parameters, parameterNodes(losses, parameters)) });
}
