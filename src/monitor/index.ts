export { factsOf } from './facts.ts';
export { DETECTOR_NAMES, type DetectorName, type RunFinding, type RunFacts, type RunVerdict } from './finding.ts';
export { createMonitor, diagnose, withSamples, type Monitor, type Thresholds } from './monitor.ts';
export { DETECTOR_LIST, detectorsOf, THRESHOLDS } from './monitor-options.ts';
export { readRunLog, type RunLog } from './read-log.ts';
export { readSamples, SAMPLES_FILE, samplesText } from './sample-file.ts';
export {
  flawTexts,
  hasBroken,
  judgeSamples,
  sampleFaults,
  samplesSentence,
  type JudgedSample,
  type SampleFinding,
  type SampleVerdict,
} from './sample-verdict.ts';
export {
  checksSentence,
  findingText,
  monitoredVerdict,
  renderVerdict,
  verdictSections,
  verdictSentence,
} from './verdict-text.ts';
