import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PreftuneError } from '../core/index.ts';
import { option, parseOptions } from '../options/index.ts';
import type { MetricRecord } from '../store/index.ts';
import { DETECTORS } from './detectors.ts';
import { DETECTOR_NAMES } from './finding.ts';
import { createMonitor, diagnose } from './monitor.ts';
import { DETECTOR_LIST, detectorsOf, THRESHOLDS } from './monitor-options.ts';
import { readRunLog } from './read-log.ts';
import { renderVerdict, verdictSentence } from './verdict-text.ts';

/** A run that is well: rewards go apart, nothing else moves. Fields of `change` replace those of a step. */
function healthy(steps: number, change: (step: number) => Partial<MetricRecord> = () => ({})): MetricRecord[] {
  return Array.from({ length: steps }, (_, i) => {
    const step = i + 1;
    const done = i / (steps - 1);
    return {
      step,
      loss: Math.LN2 - 0.2 * done,
      'rewards/chosen': 0.3 * done,
      'rewards/rejected': -0.4 * done,
      'rewards/margins': 0.7 * done,
      'rewards/accuracies': 0.5 + 0.25 * done,
      'logps/chosen': -100 + 3 * done,
      'logps/rejected': -90 - 4 * done,
      entropy: 2,
      learning_rate: 1e-5,
      grad_norm: 2 + (step % 3) / 10,
      ...change(step),
    };
  });
}

const firedBy = (records: readonly MetricRecord[], facts = {}): string[] =>
  diagnose(records, facts).findings.map(({ name }) => name);

function messagesOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof PreftuneError) return thrown.problems.map(({ message }) => message);
  }
  return [];
}

describe('monitor', () => {
  it('raises nothing on a run that is well', () => {
    expect(firedBy(healthy(100), { recipe: 'dpo', beta: 0.1, firstLoss: Math.LN2 })).toEqual([]);
  });

  it("raises nothing on the recorded job of SmolLM2 on people's preferences", () => {
    const log = readRunLog(join(import.meta.dirname, '../../bench/results/main-job-2026-11-24.jsonl'));
    const verdict = diagnose(log.records, { recipe: 'dpo', beta: 0.1, firstLoss: Math.LN2 });
    expect(verdict.findings).toEqual([]);
    expect(verdict.step).toBe(123);
    expect(verdict.unjudged).toEqual([{ name: 'length', reason: 'no lengths were logged' }]);
    expect(verdict.quiet).toEqual(DETECTOR_NAMES.filter((name) => name !== 'length'));
  });

  it('tells a finding once, with numbers, steps, threshold, source and what to change', () => {
    const monitor = createMonitor();
    const found = healthy(40, (step) => (step === 30 || step === 33 ? { grad_norm: 40 } : {})).flatMap((record) =>
      monitor.add(record),
    );
    // The median of 2.0, 2.1, 2.2 in turn is 2.1; 40 / 2.1 = 19.05.
    expect(found).toEqual([
      {
        name: 'gradient-spikes',
        title: 'gradients spike',
        step: 33,
        sentence: DETECTORS['gradient-spikes'].sentence,
        evidence: 'grad_norm 40.00 at step 30 (19 times the median), 40.00 at step 33 (19 times the median)',
        values: { spikes: 2, highest: 40 / 2.1 },
        rule: '10 times the median of the 50 logged steps before and 2 times any of the first 8, 2 times; or once 50 times',
        source: DETECTORS['gradient-spikes'].source,
        advice: DETECTORS['gradient-spikes'].advice({}),
      },
    ]);
    expect(monitor.finish()).toEqual([]);
  });

  it('takes thresholds', () => {
    const spiky = healthy(40, (step) => (step === 30 || step === 33 ? { grad_norm: 40 } : {}));
    expect(diagnose(spiky, {}, { 'gradient-spikes': { ratio: 20 } }).findings).toEqual([]);
  });

  it('says what it cannot judge, and why', () => {
    const { quiet, unjudged, tooShort } = diagnose([{ step: 10, loss: 2 }], { recipe: 'sft' });
    expect(quiet).toEqual([]);
    expect(tooShort).toEqual([
      { name: 'dead-adapter', needs: '6 logged steps, it has 1' },
      { name: 'learning-rate-too-high', needs: '5 logged steps, it has 1' },
      { name: 'learning-rate-too-low', needs: '30 steps, it has 10' },
    ]);
    expect(unjudged).toEqual([
      { name: 'chosen-falling', reason: 'supervised training has no pairs' },
      { name: 'rejected-alone', reason: 'supervised training has no pairs' },
      { name: 'overfitting', reason: 'nothing was held out (--held-out-fraction)' },
      { name: 'length', reason: 'supervised training has no rewards' },
      { name: 'kl', reason: 'supervised training has no pairs' },
      { name: 'gradient-spikes', reason: 'no grad_norm was logged' },
      { name: 'wrong-reference', reason: 'supervised training has no pairs' },
      { name: 'entropy-collapse', reason: 'in supervised training entropy falls by what is learned' },
    ]);
  });

  it('says of a short run what it is too short for, once for checks that lack the same', () => {
    const verdict = diagnose(healthy(4), { recipe: 'dpo', beta: 0.1 });
    expect(verdict.quiet).toEqual(['wrong-reference']);
    expect(verdictSentence(verdict)).toBe(
      'None of 1 checks for known faults fired; the run is too short for 8 others.',
    );
    expect(renderVerdict(verdict).split('\n').slice(2)).toEqual([
      'not seen:   wrong-reference',
      'too short to judge: chosen-falling, rejected-alone, kl, entropy-collapse (needs 16 logged steps, it has 4)',
      'too short to judge: gradient-spikes (needs 9 logged steps, it has 4)',
      'too short to judge: dead-adapter (needs 6 logged steps, it has 4)',
      'too short to judge: learning-rate-too-high (needs 5 logged steps, it has 4)',
      'too short to judge: learning-rate-too-low (needs 30 steps, it has 4)',
      'not judged: overfitting: nothing was held out (--held-out-fraction)',
      'not judged: length: no lengths were logged',
    ]);
    expect(verdictSentence(diagnose([{ step: 1, loss: 2 }], { recipe: 'sft' }))).toBe(
      'The run is too short to judge: each of 3 checks for known faults needs more of it.',
    );
  });

  it('names every detector, threshold and value that is none', () => {
    expect(DETECTOR_LIST.safeParse(['kl', 'x']).error?.issues.map(({ path }) => path)).toEqual([[1]]);
    expect(detectorsOf(['kl', 'chosen-falling'])).toEqual(['chosen-falling', 'kl']);
    expect(detectorsOf(['all'])).toEqual([...DETECTOR_NAMES]);
    const schema = z.strictObject({ monitor: option(THRESHOLDS, { help: 'thresholds' }) });
    const monitor = { x: {}, kl: { nat: 1, nats: 'a' }, length: 3 };
    expect(messagesOf(() => parseOptions(schema, { monitor }))).toEqual([
      '--monitor.length must be an object of fields by name, got 3',
      '--monitor.kl.nats must be a number, got "a"',
      '--monitor.kl.nat is not a field; did you mean --monitor.kl.nats?',
      `--monitor.x is not a field; there are ${DETECTOR_NAMES.join(', ')}`,
    ]);
  });

  it('stands in docs/monitoring.md with every detector and threshold', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/monitoring.md'), 'utf8');
    for (const name of DETECTOR_NAMES) {
      const line = page.split('\n').find((one) => one.startsWith(`| \`${name}\``));
      expect(line, name).toBeDefined();
      for (const [threshold, value] of Object.entries(DETECTORS[name].thresholds))
        expect(line, `${name}.${threshold}`).toContain(`\`${threshold}\` ${value}`);
    }
  });
});
