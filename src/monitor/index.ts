export { factsOf } from './facts.ts';
export { DETECTOR_NAMES, type DetectorName, type RunFinding, type RunFacts, type RunVerdict } from './finding.ts';
export { createMonitor, diagnose, type Monitor, type Thresholds } from './monitor.ts';
export { DETECTOR_LIST, detectorsOf, THRESHOLDS } from './monitor-options.ts';
export { readRunLog, type RunLog } from './read-log.ts';
export { findingText, monitoredVerdict, renderVerdict, verdictSections, verdictSentence } from './verdict-text.ts';
