export * from './specification.ts';
export * from './specification-options.ts';
export { flagOf } from './specification-problems.ts';
export type { ReferenceUpdate } from './specification-reference.ts';
export * from './inputs.ts';
export { compareTokenizers } from './compare-tokenizers.ts';
export { resumedOptions } from './resume.ts';
export * from './memory.ts';
export * from './context.ts';
export * from './metrics.ts';
export * from './batches.ts';
export * from './batch-graphs.ts';
export * from './pair-graphs.ts';
export * from './preference-graphs.ts';
export * from './preference-rows.ts';
export * from './coupled-objective.ts';
export * from './programs.ts';
export * from './prepare.ts';
export * from './resident-model.ts';
export * from './frozen-base.ts';
export * from './base-error.ts';
export * from './adapter-files.ts';
export * from './reference.ts';
export * from './reference-update.ts';
export { compileScores } from './reference-model.ts';
export * from './stages.ts';
export * from './trainable.ts';
export * from './task.ts';
export * from './loop.ts';
export * from './recipe-dpo.ts';
export * from './recipe-sft.ts';
export * from './score.ts';
export * from './score-session.ts';
export * from './score-summary.ts';
export * from './reward-bench.ts';
export * from './policy.ts';
export * from './session.ts';
export { DETECTOR_NAMES, type DetectorName, type Finding, type RunFacts, type Verdict } from './monitor/finding.ts';
export {
  createMonitor,
  diagnose,
  parseStopOn,
  parseThresholds,
  type Monitor,
  type Thresholds,
} from './monitor/monitor.ts';
export { factsOf } from './monitor/facts.ts';
export { readRunLog, type RunLog } from './monitor/read-log.ts';
export { findingText, renderVerdict, verdictSections, verdictSentence } from './monitor/verdict-text.ts';
export * from './sweep.ts';
export * from './sweep-results.ts';
