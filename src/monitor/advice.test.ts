import { describe, expect, it } from 'vitest';
import { LOSSES, PRESETS, resolveObjective, type Loss } from '../objectives/index.ts';
import { parseDpoSpecification } from '../specification/index.ts';
import { DETECTORS } from './detectors.ts';
import { factsOf } from './facts.ts';
import { DETECTOR_NAMES, type RunFacts } from './finding.ts';

const GIVEN = { model: 'm', data: 'd', output: 'o' };

function factsWith(more: Readonly<Record<string, unknown>>): RunFacts {
  return factsOf(JSON.parse(JSON.stringify(parseDpoSpecification({ ...GIVEN, ...more }))));
}

/** What every check would advise. */
const advices = (facts: RunFacts): string[] => DETECTOR_NAMES.map((name) => DETECTORS[name].advice(facts));

const OBJECTIVES = [...Object.keys(LOSSES), ...Object.keys(PRESETS), 'simpo,sft:0.5', 'ipo,sft', 'sigmoid_norm,r_dpo'];

/** Losses and presets that an advice names, taken apart into losses. */
function namedIn(advice: string): string[] {
  const names = new Set([...Object.keys(LOSSES), ...Object.keys(PRESETS)]);
  // `preftune sft` is a command, and `,sft` a term to add.
  const words = advice.replaceAll(/preftune sft|preftune data \w+/g, '').match(/[a-z_0-9]+/g) ?? [];
  return words.filter((word) => names.has(word));
}

describe.each(OBJECTIVES)('%s', (objective) => {
  const { terms } = resolveObjective({ objective });
  const facts = factsWith({ objective });

  it('no check advises a loss that is trained with already', () => {
    for (const advice of advices(facts)) {
      const [named, own] = [namedIn(advice), terms.map(({ loss }) => loss.name)];
      expect(
        named.filter((name) => own.includes(name)),
        advice,
      ).toEqual([]);
      // A preset adds something that the run does not have.
      for (const name of named) {
        const losses = resolveObjective({ objective: name }).terms.map(({ loss }) => loss.name);
        expect(
          losses.every((loss) => own.includes(loss)),
          advice,
        ).toBe(false);
      }
    }
  });

  it('no check advises an option at the value that it has, or one that the loss does not take', () => {
    const own = terms.map(({ loss }) => loss as Loss);
    for (const advice of advices(facts)) {
      expect(advice).not.toContain('--max-gradient-norm 1)');
      expect(advice).not.toContain('--warmup-ratio 0.1)');
      expect(advice).not.toContain('fewer epochs');
      if (advice.includes('raise --beta')) expect(own.some(({ needsReference }) => needsReference)).toBe(true);
      if (advice.includes('--label-smoothing'))
        expect(own.some(({ options }) => options['labelSmoothing'] !== undefined)).toBe(true);
      if (advice.includes('--desirable-weight'))
        expect(own.some(({ options }) => options['desirableWeight'] !== undefined)).toBe(true);
      expect(advice).not.toMatch(/^[;,]|[;,] ?$|; ;|undefined/);
    }
  });

  it('advises of pairs only what a loss of pairs can do', () => {
    if (terms[0]!.loss.kind === 'pair') return;
    for (const advice of advices(facts)) {
      expect(advice).not.toContain('pairs whose answers');
      expect(advice).not.toContain('--objective');
    }
  });
});

const adviceOf = (name: (typeof DETECTOR_NAMES)[number], more: Readonly<Record<string, unknown>>): string =>
  DETECTORS[name].advice(factsWith(more));

describe('settings', () => {
  it('are advised further, or left out', () => {
    expect(adviceOf('gradient-spikes', { maxGradientNorm: 0 })).toMatch(/^clip \(--max-gradient-norm 1\), /);
    expect(adviceOf('gradient-spikes', {})).toMatch(/^clip at less \(--max-gradient-norm 0.3\), /);
    expect(adviceOf('learning-rate-too-high', { warmupRatio: 0 })).toContain('(--warmup-ratio 0.1)');
    expect(adviceOf('learning-rate-too-high', {})).toContain('(--warmup-ratio 0.2)');
    expect(adviceOf('learning-rate-too-high', { warmupRatio: 0.6 })).not.toContain('warm');
    expect(adviceOf('overfitting', { epochs: 3 })).toMatch(/^train fewer epochs \(one is usual\), /);
    expect(adviceOf('overfitting', { labelSmoothing: 0.1 })).not.toContain('smoothing');
    expect(adviceOf('overfitting', {})).toContain('--objective ipo or --label-smoothing 0.1 hold margins down');
  });

  it('of adapters are not advised where every weight is trained', () => {
    for (const advice of advices(factsWith({ method: 'full' }))) expect(advice).not.toMatch(/adapter|--targets|lora/);
    expect(adviceOf('dead-adapter', {})).toContain('--targets');
  });

  it('that are not known are told as everywhere', () => {
    for (const advice of advices({})) expect(advice).not.toBe('');
    expect(DETECTORS['length'].advice({})).toContain('(--objective sigmoid_norm or simpo)');
    expect(DETECTORS['gradient-spikes'].advice({})).toContain('--max-gradient-norm 1)');
  });
});
