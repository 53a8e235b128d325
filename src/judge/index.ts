export * from './judge.ts';
export { answerText, promptText } from './content-text.ts';
export { ASPECTS, ownRubric, rubricOf, type AspectName, type Rubric } from './rubrics.ts';
export { judgeQuestion, type ChatMessage } from './question.ts';
export {
  createRuleCheck,
  createRuleJudge,
  createScorer,
  type InstructionRule,
  type Rule,
  type RuleCheck,
  type RuleOptions,
  type Scorer,
} from './rules.ts';
export type { LengthUnit, Measurement, TextRule } from './rules-text.ts';
export { codeOf, type CodeRule } from './rules-code.ts';
export { runSandboxed, type SandboxLanguage, type SandboxOptions, type SandboxResult } from './sandbox.ts';
export type { InstructionContext, InstructionName } from './instruction-checks.ts';
export {
  checkInstructions,
  followsInstruction,
  INSTRUCTION_NAMES,
  instructionAccuracy,
  needsLanguage,
  parseInstructions,
  type Instruction,
  type InstructionAccuracy,
  type InstructionResult,
} from './rules-instructions.ts';
export { readability, splitSentences, type Readability } from './reading-level.ts';
export { sentimentOf } from './sentiment.ts';
export { openRuleCheck } from './open-rule.ts';
export { createRewardEndpoint, type RewardEndpointOptions } from './reward-endpoint.ts';
export {
  createRewardJudge,
  rewardsOfAsker,
  type Reward,
  type RewardJudgeOptions,
  type RewardSource,
} from './reward-judge.ts';
export { openImplicitReward, type ImplicitReward, type ImplicitRewardOptions } from './implicit-reward.ts';
export {
  createEndpoint,
  RESPONSE_FORMATS,
  type Endpoint,
  type EndpointOptions,
  type ResponseFormat,
} from './endpoint.ts';
export type { Attempt, Reply } from './attempt.ts';
export { openCallStore, type CallStore } from './call-store.ts';
export { createAsker, type Asked, type Asker, type AskerOptions, type AskerState, type Outcome } from './asker.ts';
export { costOf, dollars, estimateTokens, type Prices } from './cost.ts';
export type { RateLimits } from './rate-limit.ts';
export { createLlmJudge, type LlmJudgeOptions } from './llm-judge.ts';
export { countVotes, createPanel, votesOf, type PanelOptions } from './panel.ts';
export {
  nameOf,
  parseJudges,
  type ImplicitRewardSpecification,
  type JudgeSpecification,
  type LlmSpecification,
  type RewardSpecification,
  type RuleSpecification,
} from './specification.ts';
export { openJudges, type OpenedJudges, type OpenedLlm, type OpenJudgesOptions } from './open-judges.ts';
export { planJudging, type JudgePlan } from './plan.ts';
export { judgeCard, type CardOptions, type CardRow, type JudgeCard, type Share } from './card.ts';
export { readLabelledComparisons, type LabelledComparison } from './card-rows.ts';
export { renderJudgeCard } from './card-text.ts';
export { mapConcurrently } from './concurrently.ts';
export { mergeBuilt, type Built, type SkipReason } from './pairs/built.ts';
export { pairsFromRatings, STRATEGIES, type RatingOptions, type Strategy } from './pairs/ratings.ts';
export { pairsFromVotes, VOTE_LABELS, type VoteLabels, type VoteOptions } from './pairs/votes.ts';
export { gatherThumbs, pairsFromThumbs, type ThumbOptions } from './pairs/thumbs.ts';
export { pairsFromEdits, type EditRow } from './pairs/edits.ts';
export { gatherRatings, gatherVotes } from './pairs/gather.ts';
export {
  comparisonsOf,
  MATCHES,
  pairsFromJudge,
  type Judged,
  type JudgedOptions,
  type Match,
  type Matches,
} from './pairs/judged.ts';
export { sampleRow, scoreAnswers, type RewardFunction, type SampleAnswers } from './pairs/samples.ts';
export { readBuildRows, type BuildRows, type ReadBuildRowsOptions } from './pairs/read.ts';
export type { PlainShape } from './pairs/plain-records.ts';
