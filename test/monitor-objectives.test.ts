import { describe, expect, it } from 'vitest';
import { diagnose, type DetectorName, type RunVerdict } from '../src/monitor/index.ts';
import { LOSSES, PRESETS, type Loss } from '../src/objectives/index.ts';
import { simulatedRun, type Movement } from './support/simulated-run.ts';

/**
 * Every check against every objective of the registry, over runs whose losses, gradients and rewards are the objective's own: none fires on a run that is
 * well, each sees its fault whatever beta and the reward are, and none advises what the run has already.
 */
const NAMES = Object.keys(LOSSES) as (keyof typeof LOSSES)[];

/** Losses with options that change what metrics are, and presets. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...Object.fromEntries(NAMES.map((name) => [name, { objective: name }])),
  ...Object.fromEntries(Object.keys(PRESETS).map((name) => [name, { objective: name }])),
  'sigmoid, weighed by wpo': { objective: 'sigmoid', weighting: 'wpo' },
  'sigmoid, trl-0.28, ldAlpha': { objective: 'sigmoid', ldAlpha: 0.5, compat: 'trl-0.28' },
  'sigmoid, beta 0.01': { objective: 'sigmoid', beta: 0.01 },
  'sigmoid, beta 2': { objective: 'sigmoid', beta: 2 },
  'sigmoid, smoothed': { objective: 'sigmoid', labelSmoothing: 0.2 },
  'sigmoid, forward KL': { objective: 'sigmoid', fDivergence: 'forward_kl' },
  'simpo, smoothed': { objective: 'simpo', labelSmoothing: 0.1 },
  'simpo, beta 10': { objective: 'simpo', beta: 10 },
  'ipo on sums': { objective: 'ipo', ipoForm: 'sum' },
  'cpo without likelihood': { objective: 'cpo', cpoAlpha: 0 },
  'a mixture without a reference': { objective: 'simpo,sft:0.5' },
  'full, no warm-up, no clipping': { objective: 'sigmoid', method: 'full', warmupRatio: 0, maxGradientNorm: 0 },
  'full, many epochs': { objective: 'sigmoid', method: 'full', epochs: 3, warmupRatio: 0.2, maxGradientNorm: 0.5 },
};

/** Losses that raise the chosen answers by themselves teach them, and both answers become more likely. */
const imitates = ({ objective, cpoAlpha }: Readonly<Record<string, unknown>>): boolean =>
  /sft|orpo|cpo|rpo|mpo|tpo/.test(String(objective)) && !/simpo/.test(String(objective)) && cpoAlpha !== 0;

function healthy(given: Readonly<Record<string, unknown>>, wanted: number): Movement {
  let strength = wanted;
  // Beyond its target of 5 nats its loss rises, and training goes back.
  if (given['objective'] === 'ipo_sum' || given['ipoForm'] === 'sum') strength = Math.min(strength, 0.7);
  if (String(given['objective']) === 'apo_down') return { chosen: -0.02 * strength, rejected: -0.08 * strength };
  return imitates(given)
    ? { chosen: 0.3 * strength, rejected: 0.15 * strength, entropy: 0.4 }
    : { chosen: 0.02 * strength, rejected: -0.05 * strength };
}

function names({ findings }: RunVerdict): readonly DetectorName[] {
  return findings.map(({ name }) => name);
}

function verdictOf(...parts: Parameters<typeof simulatedRun>): RunVerdict {
  const { records, facts } = simulatedRun(...parts);
  return diagnose(records, facts);
}

/** Without a reference rewards follow length by themselves, or are means over tokens, so that more is needed to be seen. */
const perToken = (given: Readonly<Record<string, unknown>>): number =>
  /^(?:cpo|simpo)$/.test(String(given['objective'])) ? 4 : 0.2;

/** What goes wrong, and the check that must see it wherever it is judged. */
const FAULTS: Readonly<
  Record<
    string,
    { readonly check: DetectorName; readonly movement: (given: Readonly<Record<string, unknown>>) => Movement }
  >
> = {
  'nothing is trained': { check: 'dead-adapter', movement: () => ({ chosen: 0, rejected: 0, gradient: 0 }) },
  'hardly anything is learned': {
    check: 'learning-rate-too-low',
    movement: () => ({ chosen: 2e-4, rejected: -2e-4 }),
  },
  'both answers fall': { check: 'chosen-falling', movement: () => ({ chosen: -0.5, rejected: -0.6 }) },
  'the rejected answers fall, and the chosen ones with them': {
    check: 'rejected-alone',
    movement: () => ({ chosen: -0.15, rejected: -0.4 }),
  },
  'the model runs away': { check: 'kl', movement: () => ({ chosen: -1.5, rejected: -1.6 }) },
  'the reference is another model': {
    check: 'wrong-reference',
    movement: () => ({ chosen: 0.02, rejected: -0.05, offset: -4 }),
  },
  'length decides': {
    check: 'length',
    movement: (given) => ({ chosen: 0, rejected: 0, byLength: perToken(given) }),
  },
  'entropy is gone': {
    check: 'entropy-collapse',
    movement: () => ({ chosen: 0.02, rejected: -0.05, entropy: 0.3 }),
  },
};

describe.each(Object.entries(VARIANTS))('%s', (_title, given) => {
  it('a run that is well raises nothing: slow, usual and strong, with held-out rows and without', () => {
    for (const [strength, isHeldOut] of [
      [0.3, true],
      [1, false],
      [2, true],
    ] as const) {
      const fired = names(verdictOf(given, healthy(given, strength), { isHeldOut }));
      expect(fired, `strength ${strength}, held out ${isHeldOut}`).toEqual([]);
    }
  });

  it.each(Object.entries(FAULTS))('%s', (_fault, { check, movement }) => {
    const verdict = verdictOf(given, movement(given));
    const unjudged = verdict.unjudged.map(({ name }) => name);
    expect(verdict.tooShort).toEqual([]);
    expect(names(verdict).includes(check) !== unjudged.includes(check), `${check}: ${names(verdict).join()}`).toBe(
      true,
    );
  });
});

it('what is not judged, for which losses', () => {
  const unjudged = new Map<string, string[]>();
  for (const name of NAMES)
    for (const { name: check, reason } of verdictOf({ objective: name }, healthy({ objective: name }, 1)).unjudged)
      unjudged.set(`${check}: ${reason}`, [...(unjudged.get(`${check}: ${reason}`) ?? []), name]);
  expect(Object.fromEntries(unjudged)).toMatchInlineSnapshot(`
    {
      "chosen-falling: the loss lowers chosen answers by design": [
        "apo_down",
      ],
      "entropy-collapse: the loss trains the likelihood of answers, by which entropy falls": [
        "cpo",
        "orpo",
        "sft",
        "tpo",
        "tpo_l",
      ],
      "kl: the loss has no reference": [
        "cpo",
        "simpo",
        "orpo",
        "sft",
        "tpo",
        "tpo_l",
      ],
      "kl: the reward of the loss grows with exp(log-ratio)": [
        "chi_po",
      ],
      "length: no lengths were logged": [
        "kto",
        "bco",
        "apo_zero_unpaired",
        "plackett_luce",
        "softmax_dpo",
        "tpo",
        "tpo_l",
      ],
      "length: the loss moves both answers in one direction, the longer one further": [
        "apo_down",
        "cpo",
        "orpo",
        "sft",
      ],
      "rejected-alone: the loss has no reference": [
        "cpo",
        "simpo",
        "orpo",
        "sft",
        "tpo",
        "tpo_l",
      ],
      "rejected-alone: the loss lowers chosen answers by design": [
        "apo_down",
      ],
      "rejected-alone: the reward of the loss grows with exp(log-ratio)": [
        "chi_po",
      ],
      "wrong-reference: the loss has no reference": [
        "cpo",
        "simpo",
        "orpo",
        "sft",
        "tpo",
        "tpo_l",
      ],
    }
  `);
});

it('every loss has a variant of its own', () => {
  for (const { name } of Object.values(LOSSES) as Loss[]) expect(VARIANTS[name]).toEqual({ objective: name });
});
