export { answerLike, answerText, contentKey, promptText } from './content-text.ts';
export { openImplicitReward, type ImplicitReward, type ImplicitRewardOptions } from './implicit-reward.ts';
export type { CompareOptions, Comparison, Judge, JudgeCall, Judgement, NoVerdictReason, Verdict } from './judge.ts';
export { createLlmJudge, type LlmJudgeOptions } from './llm-judge.ts';
export {
  judgeInputProblems,
  openJudges,
  type OpenJudgesOptions,
  type OpenedJudges,
  type OpenedLlm,
} from './open-judges.ts';
export { countVotes, createPanel, votesOf, type PanelOptions } from './panel.ts';
export { planJudging, type JudgePlan } from './plan.ts';
export { judgeQuestion } from './question.ts';
export { createRewardEndpoint, type RewardEndpointOptions } from './reward-endpoint.ts';
export {
  createRewardJudge,
  rewardsOfAsker,
  type Reward,
  type RewardJudgeOptions,
  type RewardSource,
} from './reward-judge.ts';
export { judgeOfName, SHORT_JUDGE_NAMES } from './short-names.ts';
export { ASPECTS, ownRubric, rubricOf, type AspectName, type Rubric } from './rubrics.ts';
export type { InstructionContext, InstructionName } from './rules/instruction-checks.ts';
export { openRuleCheck } from './rules/open-rule.ts';
export { readability, splitSentences, type Readability } from './rules/reading-level.ts';
export { codeOf, type CodeRule } from './rules/rules-code.ts';
export {
  INSTRUCTION_NAMES,
  checkInstructions,
  followsInstruction,
  instructionAccuracy,
  needsLanguage,
  parseInstructions,
  type Instruction,
  type InstructionAccuracy,
  type InstructionResult,
} from './rules/rules-instructions.ts';
export type { LengthUnit, Measurement, TextRule } from './rules/rules-text.ts';
export {
  createRuleCheck,
  createRuleJudge,
  createScorer,
  type InstructionRule,
  type Rule,
  type RuleCheck,
  type RuleOptions,
  type Scorer,
} from './rules/rules.ts';
export { runSandboxed, type SandboxLanguage, type SandboxOptions, type SandboxResult } from './rules/sandbox.ts';
export { sentimentOf } from './rules/sentiment.ts';
export {
  nameOf,
  JUDGES,
  LLM,
  parseJudges,
  type ImplicitRewardSpecification,
  type JudgeSpecification,
  type LlmSpecification,
  type RewardSpecification,
  type RuleSpecification,
} from './specification.ts';
