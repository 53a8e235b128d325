import { openLanguageDetector } from '../answers/index.ts';
import type { MetricRecord } from '../store/index.ts';
import { DETECTORS } from './detectors.ts';
import { DETECTOR_NAMES, type DetectorName, type RunFinding, type RunFacts, type RunVerdict } from './finding.ts';
import { createHistory } from './history.ts';
import { judgeSamples, type JudgedSample } from './sample-verdict.ts';

/** Thresholds by detector, over those that it has. */
export type Thresholds = Readonly<Partial<Record<DetectorName, Readonly<Record<string, number>>>>>;

/** Watches the records of a run for known patterns of runs that go wrong. Each is reported once, when it is first seen. */
export interface Monitor {
  /** Findings that this record brought. */
  add(record: MetricRecord): readonly RunFinding[];
  /** Findings that only the end of a run brings; no record may follow. */
  finish(): readonly RunFinding[];
  verdict(): RunVerdict;
}

/**
 * A monitor of one run: nothing is judged without the facts and metrics that a detector needs.
 *
 * @example
 * ```ts
 * import { readMetrics } from 'preftune';
 * import { createMonitor } from 'preftune/monitor';
 *
 * const monitor = createMonitor({ recipe: 'dpo', beta: 0.1 });
 * for (const record of readMetrics('run/metrics.jsonl')) {
 *   for (const finding of monitor.add(record)) console.log(finding.step, finding.title, finding.advice);
 * }
 * console.log(monitor.verdict().findings.length);
 * ```
 */
export function createMonitor(facts: RunFacts = {}, thresholds: Thresholds = {}): Monitor {
  const history = createHistory();
  const findings = new Map<DetectorName, RunFinding>();
  const lackOf = (name: DetectorName): string | undefined => DETECTORS[name].lacks(history, facts);
  const shortnessOf = (name: DetectorName): string | undefined =>
    lackOf(name) === undefined ? DETECTORS[name].tooShort(history, facts) : undefined;
  const isJudged = (name: DetectorName): boolean => lackOf(name) === undefined && shortnessOf(name) === undefined;
  const look = (isEnd: boolean): RunFinding[] => {
    const found: RunFinding[] = [];
    for (const name of DETECTOR_NAMES) {
      const { detect, rule, thresholds: own, title, sentence, advice, source } = DETECTORS[name];
      // A run that does not move has no learning rate to speak of.
      const isExplained = name === 'learning-rate-too-low' && findings.has('dead-adapter');
      if (findings.has(name) || isExplained || !isJudged(name)) continue;
      const limits = { ...own, ...thresholds[name] };
      const evidence = detect(history, { facts, thresholds: limits, isEnd });
      if (evidence === undefined) continue;
      const { text, values } = evidence;
      const { step } = history;
      const told = { name, title, step, sentence, evidence: text, values };
      const finding = { ...told, rule: rule(limits), source, advice: advice(facts) };
      findings.set(name, finding);
      found.push(finding);
    }
    return found;
  };
  return {
    add: (record) => {
      history.add(record);
      return look(false);
    },
    finish: () => look(true),
    verdict: () => ({
      step: history.step,
      findings: [...findings.values()],
      quiet: DETECTOR_NAMES.filter((name) => !findings.has(name) && isJudged(name)),
      unjudged: DETECTOR_NAMES.flatMap((name) => {
        const reason = findings.has(name) ? undefined : lackOf(name);
        return reason === undefined ? [] : [{ name, reason }];
      }),
      tooShort: DETECTOR_NAMES.flatMap((name) => {
        const needs = findings.has(name) ? undefined : shortnessOf(name);
        return needs === undefined ? [] : [{ name, needs }];
      }),
    }),
  };
}

/** What all records of a run that has ended say. */
export function diagnose(
  records: readonly MetricRecord[],
  facts: RunFacts = {},
  thresholds: Thresholds = {},
): RunVerdict {
  const monitor = createMonitor(facts, thresholds);
  for (const record of records) monitor.add(record);
  monitor.finish();
  return monitor.verdict();
}

/** A verdict with what a run's stored answers look like. */
export async function withSamples(
  verdict: RunVerdict,
  samples: readonly JudgedSample[] | undefined,
): Promise<RunVerdict> {
  if (samples === undefined || samples.length === 0) return verdict;
  return { ...verdict, samples: judgeSamples(samples, { detectLanguage: await openLanguageDetector() }) };
}
