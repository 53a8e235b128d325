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
  topologicalOrder,
  type Dim,
  type Graph,
  type Node,
} from '../graph/index.ts';
import { hiddenStates, packedAttention, packedInputs, tokenStatistics, type Decoder } from '../models/index.ts';
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

/** logps, entropies, meanLogits [R] of completions. */
export function completionScoreGraph(decoder: Decoder): Graph {
  return graph({ ...sumByOwner(decoder, input('counts', ['R']), 'R') });
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
  const sums = sumByOwner(decoder, input('counts', ['R']), 'R');
  const losses = mul(sums.logps, -1);
  return graph({ losses, ...sums, ...accumulate(reduceSum(losses), parameters, parameterNodes([losses], parameters)) });
}
