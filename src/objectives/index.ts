export {
  COMPATIBILITY,
  COMPATIBILITY_MODES,
  compatibleValue,
  type CompatibilityMode,
  type CompatibilityRow,
  type CompatibleValue,
} from './compatibility.ts';
export type { LossInputs } from './compose.ts';
export {
  unpairedLoss,
  rankingLoss,
  pairLoss,
  type ChoiceOption,
  type Coupling,
  type Loss,
  type LossDefinition,
  type LossDescription,
  type LossKind,
  type LossOf,
  type LossOption,
  type LossOptionSpecs,
  type LossOptions,
  type LossResult,
  type NumberOption,
  type PairLoss,
  type Source,
  type StateNodes,
  type StatisticsOf,
  type ValuesOf,
} from './definition.ts';
export {
  betaTable,
  compatibilityTable,
  lossTable,
  optionTable,
  presetTable,
  rewardTable,
  sourceText,
} from './describe.ts';
export { objectiveGraph, type ObjectiveGraphOptions } from './objective-graph.ts';
export { parseObjective, type TermText } from './parse-objective.ts';
export { LOSSES, PRESETS, isLossName, lossNamed, lossOptions, type LossName } from './registry.ts';
export { implicitReward, REWARD_FORMS, type ObjectiveReward, type RewardForm, type ScoredAnswer } from './reward.ts';
export { resolveObjective, type ObjectiveRequest, type ResolvedObjective } from './resolve.ts';
export type { LengthDesensitising } from './scores.ts';
export {
  DIFFERENTIABLE,
  STATISTICS,
  completionInputs,
  listInputs,
  pairInputs,
  supplied,
  type AnswerStatistics,
  type UnpairedStatistics,
  type RankingStatistics,
  type PairStatistics,
  type StatisticName,
  type StatisticRequest,
} from './statistics.ts';
export type { Term } from './term.ts';
