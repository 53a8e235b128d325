import { badInput, internal } from '../core/index.ts';
import {
  div,
  graph,
  input,
  maximum,
  mul,
  reshape,
  scatterAdd,
  type Dim,
  type Graph,
  type Node,
  type Shape,
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

/**
 * From packed tokens to the log-probabilities of answers. Symbols: T tokens, U predicting tokens, C scored tokens, R rows, W answers of a row.
 * Everything that scores does so by this graph: training's forward pass, references, score, evaluate, the checks of exports.
 */

export interface ScoringModels {
  readonly decoder: Decoder;
  /** Another decoder over weights that the graph has anyway; needed by the statistics that compare. */
  readonly reference?: Decoder | undefined;
}

/** How the values of an answer's tokens become the answer's. */
const OF_ANSWERS = {
  /** log pi(token | what precedes it), nats. */
  logps: 'sum',
  /** Entropy of the distribution that the token comes from, nats. */
  entropies: 'mean',
  /** Mean score over the vocabulary. */
  meanLogits: 'mean',
  /** logps where the input `shared` [C] is 1, else 0: over the length that both answers of a pair have. */
  sharedLogps: 'sum',
  /** log sum_v p_v^2 of the token's distribution. */
  logCollision: 'sum',
  /** KL(reference || decoder) over the vocabulary, nats, both under one head; its gradient reaches the decoder alone. */
  sequentialKl: 'sum',
  /** logps under the reference. */
  referenceLogps: 'sum',
  /** KL(decoder || reference) over the vocabulary, nats, both under one head. */
  kls: 'sum',
} as const satisfies Record<string, 'sum' | 'mean'>;
export type ScoreStatistic = keyof typeof OF_ANSWERS;

export interface ScoringOptions {
  /** The values of each scored token [C], or of each answer. */
  readonly per: 'token' | 'answer';
  /** The outputs, in this order; of answers a mean among them, whose input `counts` says how many answers there are. */
  readonly statistics: readonly ScoreStatistic[];
  /** Answers that a row has side by side: outputs are [R, width]. Left out, answers are rows: [R]. */
  readonly width?: number | undefined;
  /** Whether an answer may be absent, with no scored token: its means are 0. Default false. */
  readonly mayLack?: boolean;
}

/** The statistics of every scored token, [C]; each is computed when it is asked for. */
function tokenScores({ decoder, reference }: ScoringModels): Readonly<Record<ScoreStatistic, () => Node>> {
  const packed = packedInputs();
  const states = (of: Decoder): Node =>
    hiddenStates(of, {
      tokens: packed.tokens,
      positions: packed.positions,
      attend: packedAttention(of.config, packed),
      rows: input('lossRows', ['U'], 'int32'),
    });
  const [predict, targets] = [input('predict', ['C'], 'int32'), input('targets', ['C'], 'int32')];
  const hidden = states(decoder);
  const { logps, entropies, meanLogits } = tokenStatistics(decoder, { hidden, predict, targets });
  let other: { readonly decoder: Decoder; readonly hidden: Node } | undefined;
  const beside = (): { readonly decoder: Decoder; readonly hidden: Node } => {
    if (reference === undefined)
      throw badInput(
        'objective: sequential KL needs the reference beside the policy; train a new adapter on the model itself, without --reference',
      );
    return (other ??= { decoder: reference, hidden: states(reference) });
  };
  return {
    logps: () => logps,
    entropies: () => entropies,
    meanLogits: () => meanLogits,
    sharedLogps: () => mul(logps, input('shared', ['C'])),
    logCollision: () => logCollisions(decoder, { hidden, predict }),
    sequentialKl: () => klsFromReference(decoder, { hidden, referenceHidden: beside().hidden, predict }),
    referenceLogps: () => tokenStatistics(beside().decoder, { hidden: beside().hidden, predict, targets }).logps,
    // KL(a || b) is asked of b about a: the roles are those of klsFromReference turned round.
    kls: () => klsFromReference(beside().decoder, { hidden: beside().hidden, referenceHidden: hidden, predict }),
  };
}

function answersOf(width: number | undefined): { readonly owners: Dim; readonly shape: Shape } {
  if (width === undefined) return { owners: 'R', shape: ['R'] };
  return { owners: width === 1 ? 'R' : `${width}*R`, shape: ['R', width] };
}

/**
 * The statistics of packed answers as nodes by name. Per answer they are sums or means over the scored tokens that the input `owners` [C] gives it;
 * the input `counts` says how many these are.
 */
export function scoringOutputs(models: ScoringModels, options: ScoringOptions): Readonly<Record<string, Node>> {
  const { per, statistics, width, mayLack = false } = options;
  const scores = tokenScores(models);
  if (per === 'token') return Object.fromEntries(statistics.map((name) => [name, scores[name]()]));
  if (!statistics.some((name) => OF_ANSWERS[name] === 'mean'))
    throw internal(`scores of answers must have a mean among them, got ${statistics.join(', ')}`);
  const { owners, shape } = answersOf(width);
  const [owner, counts] = [input('owners', ['C'], 'int32'), input('counts', shape)];
  const total = (x: Node): Node => reshape(scatterAdd(x, owner, owners), counts.shape);
  const mean = (x: Node): Node => div(total(x), mayLack ? maximum(counts, 1) : counts);
  return Object.fromEntries(
    statistics.map((name) => [name, (OF_ANSWERS[name] === 'sum' ? total : mean)(scores[name]())]),
  );
}

/** What training's forward pass tells of every answer. */
export const FORWARD_STATISTICS = ['logps', 'entropies', 'meanLogits'] as const satisfies readonly ScoreStatistic[];

/** scoringOutputs as a graph. */
export function scoringGraph(models: ScoringModels, options: ScoringOptions): Graph {
  return graph(scoringOutputs(models, options));
}
