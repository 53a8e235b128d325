import { vectorJacobian } from '../autodiff/index.ts';
import { badInput } from '../core/index.ts';
import {
  div,
  graph,
  input,
  mul,
  reduceSum,
  reshape,
  scatterAdd,
  slice,
  type Graph,
  type Node,
} from '../graph/index.ts';
import {
  hiddenStates,
  klsFromReference,
  logCollisions,
  packedAttention,
  packedInputs,
  tokenStatistics,
  type Decoder,
} from '../models/index.ts';
import {
  DIFFERENTIABLE,
  type AnswerStatistics,
  type PairStatistics,
  type ResolvedObjective,
  type StatisticName,
} from '../objectives/index.ts';
import type { TrainedParameter } from '../optim/index.ts';
import { accumulate, addToGradients, parameterNodes } from './batch-graphs.ts';

/**
 * The graphs of pairs under any objective. Statistics are [R, 2]: chosen, rejected. Symbols: T tokens, U predicting tokens, C scored
 * tokens, R pairs. Host inputs that an objective asks for: referenceLogps, sharedReferenceLogps, promptLengths [R, 2]; margins, weights [R];
 * beta (a scalar) when it follows a schedule.
 */

export type PairObjective = Extract<ResolvedObjective, { kind: 'pairs' }>;

/** An objective of pairs. Throws bad-input for one that takes other rows. */
export function requirePairs(objective: ResolvedObjective): PairObjective {
  if (objective.kind === 'pairs') return objective;
  throw badInput(`objective: ${objective.text} must take pairs, it takes ${objective.kind}`);
}

/** Statistics that the graph computes from hidden states; the others are the host's. */
const COMPUTED = ['sharedLogps', 'logCollision', 'sequentialKl'] as const satisfies readonly StatisticName[];
type ComputedName = (typeof COMPUTED)[number];

export interface PairModels {
  readonly decoder: Decoder;
  /** The frozen start as a decoder over weights that the graph has anyway; needed for sequentialKl. */
  readonly reference?: Decoder | undefined;
}

/** Outputs of the forward pass, [R, 2]: logps, entropies, meanLogits, and the statistics that are asked for. */
export function pairForward(
  { decoder, reference }: PairModels,
  needs: readonly StatisticName[],
): Readonly<Record<string, Node>> {
  const packed = packedInputs();
  const states = (of: Decoder): Node =>
    hiddenStates(of, {
      tokens: packed.tokens,
      positions: packed.positions,
      attend: packedAttention(of.config, packed),
      rows: input('lossRows', ['U'], 'int32'),
    });
  const hidden = states(decoder);
  const predict = input('predict', ['C'], 'int32');
  const owner = input('owners', ['C'], 'int32');
  const counts = input('counts', ['R', 2]);
  const total = (x: Node): Node => reshape(scatterAdd(x, owner, '2*R'), counts.shape);
  const { logps, entropies, meanLogits } = tokenStatistics(decoder, {
    hidden,
    predict,
    targets: input('targets', ['C'], 'int32'),
  });
  const computed: Readonly<Record<ComputedName, () => Node>> = {
    sharedLogps: () => total(mul(logps, input('shared', ['C']))),
    logCollision: () => total(logCollisions(decoder, { hidden, predict })),
    sequentialKl: () => {
      if (reference === undefined)
        throw badInput(
          'objective: sequential KL needs the reference beside the policy; train a new adapter on the model itself, without --reference',
        );
      return total(klsFromReference(decoder, { hidden, referenceHidden: states(reference), predict }));
    },
  };
  const asked = COMPUTED.filter((name) => needs.includes(name));
  return {
    logps: total(logps),
    entropies: div(total(entropies), counts),
    meanLogits: div(total(meanLogits), counts),
    ...Object.fromEntries(asked.map((name) => [name, computed[name]()])),
  };
}

/** What besides logps must be known of the reference: the sums over the shared length where the objective asks for them. */
export function referenceStatistics({ needs }: PairObjective): readonly string[] {
  return needs.includes('sharedReferenceLogps') ? ['sharedLogps'] : [];
}

/** The forward pass of a reference, or of any model that is scored: logps, entropies, meanLogits, and sharedLogps where it is asked for. */
export function pairScoreGraph(decoder: Decoder, statistics: readonly string[] = []): Graph {
  return graph(pairForward({ decoder }, statistics.includes('sharedLogps') ? ['sharedLogps'] : []));
}

/** The statistics of an objective that are computed, as outputs. */
export function forwardGraph(models: PairModels, { needs }: PairObjective): Graph {
  return graph(pairForward(models, needs));
}

/** Column 0 (chosen) or 1 (rejected) of [R, 2] as [R]. */
function side(x: Node, column: 0 | 1): Node {
  return reshape(slice(x, { axis: 1, start: column, end: column + 1 }), ['R']);
}

/** The nodes of the objective's statistics: those of the forward pass, and host inputs for the rest. */
function pairStatistics(objective: PairObjective, forward: Readonly<Record<string, Node>>): PairStatistics {
  const hosted = ['lengths', ...(objective.needsReference ? ['referenceLogps'] : []), ...objective.needs].filter(
    (name) => forward[name] === undefined,
  );
  const table: Record<string, Node> = {
    logps: forward['logps']!,
    ...Object.fromEntries(objective.needs.flatMap((name) => (forward[name] ? [[name, forward[name]]] : []))),
    ...Object.fromEntries(hosted.map((name) => [name, input(name === 'lengths' ? 'counts' : name, ['R', 2])])),
  };
  const answers = (column: 0 | 1): AnswerStatistics =>
    Object.fromEntries(
      Object.entries(table).map(([name, node]) => [name, side(node, column)]),
    ) as unknown as AnswerStatistics;
  return {
    chosen: answers(0),
    rejected: answers(1),
    ...(objective.margins && { margins: input('margins', ['R']) }),
    ...(objective.weights && { weights: input('weights', ['R']) }),
  };
}

export interface PairGraphOptions {
  /** What is trained; none for evaluation. */
  readonly parameters: readonly TrainedParameter[];
  /** beta is the input `beta`. */
  readonly betaInput?: boolean;
}

/**
 * An objective whose losses belong to single pairs: `losses` [R], the outputs of pairForward, and for each parameter `accumulated/<p>` =
 * gradient/<p> + lossScale * d(sum of losses)/dp. With lossScale = 1 / (pairs of the optimizer batch), the sum over micro-batches is the
 * gradient of the mean loss, however the batch was cut.
 */
export function pairObjectiveGraph(
  models: PairModels,
  objective: PairObjective,
  { parameters, betaInput = false }: PairGraphOptions,
): Graph {
  const forward = pairForward(models, objective.needs);
  const inputs = betaInput ? { beta: input('beta', []) } : {};
  const { losses } = objective.loss(pairStatistics(objective, forward), inputs);
  return graph({
    losses,
    ...forward,
    ...accumulate(reduceSum(losses), parameters, parameterNodes([losses], parameters)),
  });
}

/** The statistics of an objective through which its gradient reaches the policy. */
export function differentiableStatistics({ needs }: PairObjective): readonly string[] {
  return DIFFERENTIABLE.filter((name) => name === 'logps' || needs.includes(name));
}

/**
 * The backward pass of an objective that couples the pairs of the optimizer batch: inputs `cotangent/<statistic>` [R, 2], which the objective
 * gave for the whole batch (lossScale is in them); outputs those of pairForward and `accumulated/<p>`.
 */
export function pairCotangentGraph(
  models: PairModels,
  objective: PairObjective,
  { parameters }: Pick<PairGraphOptions, 'parameters'>,
): Graph {
  const forward = pairForward(models, objective.needs);
  const names = differentiableStatistics(objective);
  const statistics = names.map((name) => forward[name]!);
  const cotangents = names.map((name) => input(`cotangent/${name}`, ['R', 2]));
  const nodes = parameterNodes(statistics, parameters);
  const gradients = vectorJacobian(statistics, cotangents, nodes);
  return graph({ ...forward, ...addToGradients(parameters, gradients) });
}
