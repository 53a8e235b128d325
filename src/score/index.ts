export { deviationOf, sampleLogps, type Deviation, type Sample } from './node-measure.ts';
export { referenceFolder, referenceKey } from './node-reference-store.ts';
export { compileScores, referenceOfModel, type Reference } from './reference-model.ts';
export {
  NO_REFERENCE_STORE,
  isReferenceStored,
  referenceLogps,
  type ReferenceIdentity,
  type ReferenceLogps,
  type ReferenceOptions,
  type ReferenceSize,
  type ReferenceStore,
  type ReferenceValues,
  type ScoredRows,
} from './reference.ts';
export { rewardBenchScore, type RewardBenchScore } from './reward-bench.ts';
export {
  openScoreSession,
  type ScoreSession,
  type ScoreSessionOptions,
  type ScoredAnswers,
  type SessionScore,
} from './node-score-session.ts';
export {
  answerScores,
  summariseScores,
  type PairGroup,
  type PairScore,
  type ScoreMeasure,
  type ScoreSummary,
  type SummaryOptions,
} from './score-summary.ts';
export { scorePairs, type Scores } from './node-score.ts';
export { createTokenScorer, type TokenScorer, type TokenScores } from './token-scorer.ts';
