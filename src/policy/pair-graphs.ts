import { badInput } from '../core/index.ts';
import type { Graph } from '../graph/index.ts';
import type { Decoder } from '../models/index.ts';
import type { ResolvedObjective } from '../objectives/index.ts';
import {
  preferenceCotangentGraph,
  preferenceForwardGraph,
  preferenceLossGraph,
  preferenceScoreGraph,
  type PreferenceGraphOptions,
  type PreferenceModels,
} from './preference-graphs.ts';

/** The graphs of preferences for pairs: statistics are [R, 2], chosen and rejected. */

export type PairObjective = Extract<ResolvedObjective, { kind: 'pair' }>;

/** An objective of pairs. Throws bad-input for one that takes other rows. */
export function requirePairs(objective: ResolvedObjective): PairObjective {
  if (objective.kind === 'pair') return objective;
  throw badInput(`objective: ${objective.text} must take pairs, it takes ${objective.kind}`);
}

const WIDTH = 2;

export type PairModels = PreferenceModels;
export type PairGraphOptions = Omit<PreferenceGraphOptions, 'width'>;

/** preferenceScoreGraph of pairs. */
export function pairScoreGraph(decoder: Decoder, statistics: readonly string[] = []): Graph {
  return preferenceScoreGraph(decoder, { width: WIDTH, statistics });
}

/** preferenceForwardGraph of pairs. */
export function forwardGraph(models: PairModels, objective: PairObjective): Graph {
  return preferenceForwardGraph(models, objective, WIDTH);
}

/** preferenceLossGraph of pairs. */
export function pairObjectiveGraph(models: PairModels, objective: PairObjective, options: PairGraphOptions): Graph {
  return preferenceLossGraph(models, objective, { ...options, width: WIDTH });
}

/** preferenceCotangentGraph of pairs. */
export function pairCotangentGraph(
  models: PairModels,
  objective: PairObjective,
  { parameters }: Pick<PairGraphOptions, 'parameters'>,
): Graph {
  return preferenceCotangentGraph(models, objective, { parameters, width: WIDTH });
}
