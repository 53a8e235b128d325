export { MEASURES, compareBehaviour, type Behaviour, type BehaviourLine } from './behaviour/compare-behaviour.ts';
export { estimateDrift, type Drift, type ScoredDocument } from './behaviour/drift.ts';
export { isClear, meanEstimate, ratioEstimate, type Estimate } from './behaviour/estimates.ts';
export {
  evaluateBehaviour,
  type DrawnPair,
  type EvaluateOptions,
  type Evaluation,
  type FactScores,
} from './behaviour/evaluate.ts';
export { evaluationSections, renderEvaluationPage, type EvaluationPageInput } from './behaviour/evaluation-page.ts';
export { evaluationTables, type EvaluationTable } from './behaviour/evaluation-tables.ts';
export { evaluationSentences, renderEvaluation } from './behaviour/evaluation-text.ts';
export { readFacts, scoreChoices, scoreFree, type ChoiceScores, type KnownFact } from './behaviour/facts.ts';
export { frontierOf, type FrontierPoint } from './behaviour/frontier.ts';
export {
  compareInstructions,
  followedBy,
  readInstructedPrompts,
  scoreInstructions,
  type InstructedPrompt,
  type InstructionComparison,
  type InstructionScores,
} from './behaviour/instructions.ts';
export { estimateKl, type DrawnTokens, type KlEstimate } from './behaviour/kl.ts';
export { drawAnswers, type DrawnAnswer, type SamplingOptions } from './behaviour/sample.ts';
export { openSubjects, type OpenSubjectsOptions, type Subject, type Subjects } from './behaviour/subjects.ts';
export {
  answersOf,
  type AnswerOptions,
  type Answers,
  type DrawingOptions,
  type GivenAnswer,
} from './compare/answers.ts';
export { renderComparePage, type ComparePageInput, type ComparedSample } from './compare/compare-page.ts';
export { parseContestants, type Contestant } from './compare/contestant.ts';
export {
  comparisonOf,
  meetingsOf,
  playMatches,
  type ContestantMatch,
  type MatchOptions,
  type Meeting,
} from './compare/matches.ts';
export { measureContestants, type MeasureOptions, type Measured, type NotMeasured } from './compare/measure.ts';
export { blindRows, createJury, readPeople, type BlindRow } from './compare/people.ts';
export { readRunStories, type RunStory } from './compare/run-story.ts';
export { standingsOf, type JudgeAgreement, type Standing, type Standings } from './compare/standings.ts';
export {
  headlineOf,
  outcomeOf,
  renderMeasured,
  renderStandings,
  verdictOfPair,
  type CompareVerdict,
} from './compare/verdict.ts';
export { readLabelledComparisons, type LabelledComparison } from './judges/card-rows.ts';
export { renderJudgeCard } from './judges/card-text.ts';
export { judgeCard, type CardOptions, type CardRow, type JudgeCard, type Share } from './judges/card.ts';
export {
  SWEEP_FIGURES,
  groupOutcomes,
  sweepFigures,
  type SweepFigure,
  type SweepFigures,
  type SweepGroup,
  type SweepOutcome,
} from './sweep-results.ts';
