import { vectorJacobian } from '../autodiff/index.ts';
import { internal } from '../core/index.ts';
import { graph, input, reduceSum, reshape, slice, type Graph, type Node } from '../graph/index.ts';
import type { Decoder } from '../models/index.ts';
import {
  DIFFERENTIABLE,
  type AnswerStatistics,
  type UnpairedStatistics,
  type RankingStatistics,
  type PairStatistics,
  type ResolvedObjective,
  type StatisticName,
} from '../objectives/index.ts';
import type { TrainedParameter } from '../optim/index.ts';
import { accumulate, addToGradients, parameterNodes } from './batch-graphs.ts';
import {
  FORWARD_STATISTICS,
  scoringGraph,
  scoringOutputs,
  type ScoreStatistic,
  type ScoringModels,
  type ScoringOptions,
} from './scoring-graph.ts';

/**
 * The graphs of preferences under any objective. Statistics of answers are [R, W], R rows of W answers: a pair's are chosen and rejected; a single
 * answer's are itself and, where the objective asks for it, an answer of another prompt behind its own; a list's are its answers, best first.
 * Symbols: T tokens, U predicting tokens, C scored tokens, R rows. Host inputs that an objective asks for: referenceLogps,
 * sharedReferenceLogps, promptLengths, present [R, W]; labels, margins, weights [R]; beta (a scalar) when it follows a schedule.
 */

/** How many answers the rows of an objective have side by side; of lists, what the data have. */
export function widthOf(objective: ResolvedObjective, longestRanking: number): number {
  if (objective.kind === 'ranking') return longestRanking;
  if (objective.kind === 'pair') return 2;
  return takesMismatches(objective) ? 2 : 1;
}

/** Whether unpaired answers are compared with answers that belong to other prompts. */
export function takesMismatches({ needs }: ResolvedObjective): boolean {
  return needs.includes('klLogps');
}

/** Statistics that an objective may ask of the graph; the others are the host's. */
const COMPUTED = ['sharedLogps', 'logCollision', 'sequentialKl'] as const satisfies readonly (StatisticName &
  ScoreStatistic)[];

/** The decoder, and the frozen start as a decoder over weights that the graph has anyway: needed for sequentialKl. */
export type PreferenceModels = ScoringModels;

interface ForwardOptions {
  readonly needs: readonly string[];
  readonly width: number;
  readonly mayLack: boolean;
}

/** How answers are scored for an objective: logps, entropies, meanLogits [R, W], and what it asks for. */
function scoringOf({ needs, width, mayLack }: ForwardOptions): ScoringOptions {
  const statistics = [...FORWARD_STATISTICS, ...COMPUTED.filter((name) => needs.includes(name))];
  return { per: 'answer', statistics, width, mayLack };
}

function forwardOf(
  models: PreferenceModels,
  objective: ResolvedObjective,
  width: number,
): Readonly<Record<string, Node>> {
  return scoringOutputs(models, scoringOf({ needs: objective.needs, width, mayLack: hasGaps(objective) }));
}

/** Whether rows of the objective may lack answers: lists are of different lengths, and mismatched answers are left out of the backward pass. */
function hasGaps(objective: ResolvedObjective): boolean {
  return objective.kind === 'ranking' || takesMismatches(objective);
}

/** What besides logps must be known of the reference: the sums over the shared length where the objective asks for them. */
export function referenceStatistics({ needs }: ResolvedObjective): readonly string[] {
  return needs.includes('sharedReferenceLogps') ? ['sharedLogps'] : [];
}

/** The forward pass of a reference, or of any model that is scored: logps, entropies, meanLogits, and sharedLogps where it is asked for. */
export function preferenceScoreGraph(
  decoder: Decoder,
  { width, statistics = [] }: { readonly width: number; readonly statistics?: readonly string[] },
): Graph {
  return scoringGraph({ decoder }, scoringOf({ needs: statistics, width, mayLack: width !== 2 }));
}

/** The statistics of an objective that are computed, as outputs. */
export function preferenceForwardGraph(models: PreferenceModels, objective: ResolvedObjective, width: number): Graph {
  return graph(forwardOf(models, objective, width));
}

/** One column of [R, W] as [R]. */
function column(x: Node, index: number): Node {
  return reshape(x.shape[1] === 1 ? x : slice(x, { axis: 1, start: index, end: index + 1 }), ['R']);
}

/** The nodes [R, W] of an objective's statistics: those of the forward pass, and host inputs for the rest. */
function statisticTable(
  objective: ResolvedObjective,
  forward: Readonly<Record<string, Node>>,
  width: number,
): Readonly<Record<string, Node>> {
  const needs = objective.needs.filter((name) => MISMATCHED[name] === undefined);
  const hosted = ['lengths', ...(objective.needsReference ? ['referenceLogps'] : []), ...needs].filter(
    (name) => forward[name] === undefined,
  );
  return {
    logps: forward['logps']!,
    ...Object.fromEntries(needs.flatMap((name) => (forward[name] ? [[name, forward[name]]] : []))),
    ...Object.fromEntries(hosted.map((name) => [name, input(name === 'lengths' ? 'counts' : name, ['R', width])])),
  };
}

/** Statistics of a mismatched answer, by those of an answer whose second column they are. */
export const MISMATCHED: Readonly<Record<string, string>> = { klLogps: 'logps', klReferenceLogps: 'referenceLogps' };

function columnOf(table: Readonly<Record<string, Node>>, index: number): AnswerStatistics {
  return Object.fromEntries(
    Object.entries(table).map(([name, node]) => [name, column(node, index)]),
  ) as unknown as AnswerStatistics;
}

function weightsOf({ weights }: ResolvedObjective): { readonly weights?: Node } {
  return weights ? { weights: input('weights', ['R']) } : {};
}

type Table = Readonly<Record<string, Node>>;

function pairStatistics(objective: ResolvedObjective, table: Table): PairStatistics {
  return {
    chosen: columnOf(table, 0),
    rejected: columnOf(table, 1),
    ...(objective.margins && { margins: input('margins', ['R']) }),
    ...weightsOf(objective),
  };
}

function completionStatistics(objective: ResolvedObjective, table: Table): UnpairedStatistics {
  const mismatched = Object.entries(MISMATCHED)
    .filter(([name]) => objective.needs.includes(name as StatisticName))
    .map(([name, of]) => [name, column(table[of]!, 1)]);
  return {
    answers: { ...columnOf(table, 0), ...Object.fromEntries(mismatched) },
    labels: input('labels', ['R']),
    ...weightsOf(objective),
  };
}

function listStatistics(objective: ResolvedObjective, table: Table, width: number): RankingStatistics {
  return {
    answers: table as unknown as AnswerStatistics,
    present: input('present', ['R', width]),
    ...weightsOf(objective),
  };
}

export interface PreferenceGraphOptions {
  /** What is trained; none for evaluation. */
  readonly parameters: readonly TrainedParameter[];
  readonly width: number;
  /** beta is the input `beta`. */
  readonly betaInput?: boolean;
}

/**
 * An objective whose losses belong to single rows: `losses` [R], the scores of the forward pass, and for each parameter `accumulated/<p>` =
 * gradient/<p> + lossScale * d(sum of losses)/dp. With lossScale = 1 / (rows of the optimizer batch), the sum over micro-batches is the
 * gradient of the mean loss, however the batch was cut.
 */
export function preferenceLossGraph(
  models: PreferenceModels,
  objective: ResolvedObjective,
  { parameters, width, betaInput = false }: PreferenceGraphOptions,
): Graph {
  const forward = forwardOf(models, objective, width);
  const inputs = betaInput ? { beta: input('beta', []) } : {};
  const table = statisticTable(objective, forward, width);
  const losses = lossesOf(objective, { table, width, inputs });
  return graph({
    losses,
    ...forward,
    ...accumulate(reduceSum(losses), parameters, parameterNodes([losses], parameters)),
  });
}

function lossesOf(
  objective: ResolvedObjective,
  {
    table,
    width,
    inputs,
  }: { readonly table: Table; readonly width: number; readonly inputs: { readonly beta?: Node } },
): Node {
  switch (objective.kind) {
    case 'pair':
      return objective.loss(pairStatistics(objective, table), inputs).losses;
    case 'unpaired':
      return objective.loss(completionStatistics(objective, table), inputs).losses;
    case 'ranking':
      return objective.loss(listStatistics(objective, table, width), inputs).losses;
  }
}

/** The statistics of an objective through which its gradient reaches the policy. */
export function differentiableStatistics({ needs }: ResolvedObjective): readonly string[] {
  return DIFFERENTIABLE.filter((name) => name === 'logps' || needs.includes(name));
}

/**
 * The backward pass of an objective that couples the rows of the optimizer batch: inputs `cotangent/<statistic>` [R, W], which the objective
 * gave for the whole batch (lossScale is in them); outputs the scores of the forward pass and `accumulated/<p>`.
 */
export function preferenceCotangentGraph(
  models: PreferenceModels,
  objective: ResolvedObjective,
  { parameters, width }: Pick<PreferenceGraphOptions, 'parameters' | 'width'>,
): Graph {
  const forward = forwardOf(models, objective, width);
  const names = differentiableStatistics(objective);
  const statistics = names.map((name) => forward[name]!);
  const cotangents = names.map((name) => input(`cotangent/${name}`, ['R', width]));
  const nodes = parameterNodes(statistics, parameters);
  const gradients = vectorJacobian(statistics, cotangents, nodes);
  return graph({ ...forward, ...addToGradients(parameters, gradients) });
}

/** Where a coupled objective's input comes from: a column of a statistic [R, W], or the rows' own input of that name. */
export function sourceOfInput(
  { kind }: ResolvedObjective,
  name: string,
): { readonly statistic: string; readonly column: number } | undefined {
  const [side, statistic] = name.split('/') as [string, string | undefined];
  if (kind === 'pair') return statistic === undefined ? undefined : { statistic, column: side === 'chosen' ? 0 : 1 };
  if (kind === 'ranking') throw internal('no objective of lists couples the rows of a batch');
  const mismatched = MISMATCHED[name];
  if (mismatched !== undefined) return { statistic: mismatched, column: 1 };
  return ['labels', 'weights'].includes(name) ? undefined : { statistic: name, column: 0 };
}
