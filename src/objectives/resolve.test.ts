import { describe, expect, test } from 'vitest';
import type { PreftuneError } from '../core/index.ts';
import { graph, graphInputs } from '../graph/index.ts';
import { objectiveGraph } from './objective-graph.ts';
import { parseObjective } from './parse-objective.ts';
import { isLossName, lossNamed, LOSSES, PRESETS } from './registry.ts';
import { resolveObjective, type ObjectiveRequest } from './resolve.ts';

function refusal(run: () => unknown): string {
  try {
    return `accepted: ${JSON.stringify(run())}`;
  } catch (thrown) {
    expect((thrown as PreftuneError).code).toBe('bad-input');
    return (thrown as PreftuneError).message;
  }
}

const refused = (request: ObjectiveRequest): string => refusal(() => resolveObjective(request).text);
const KNOWN = [...Object.keys(LOSSES), ...Object.keys(PRESETS)].join(', ');

function demands(text: string, options = {}) {
  const { needs, coupling, state } = resolveObjective({ objective: text, options });
  return { needs, coupling, state };
}

/** The inputs of the graph of an objective. */
function inputs(text: string): string[] {
  return graphInputs(objectiveGraph(resolveObjective({ objective: text }))).map(({ attributes: { name } }) => name);
}

function optionsOf(request: ObjectiveRequest) {
  return resolveObjective(request).terms[0]!.options;
}

test('losses are found by the name they have', () => {
  for (const [name, loss] of Object.entries(LOSSES)) {
    expect([loss.name, isLossName(name), lossNamed(name) === loss]).toEqual([name, true, true]);
    expect(resolveObjective({ objective: name }).terms.map((term) => term.loss.name)).toEqual([name]);
  }
  for (const name of ['', 'toString', '__proto__', 'dpo']) expect(isLossName(name)).toBe(false);
  expect(refusal(() => lossNamed('toString'))).toBe(
    `objective: must be the name of a loss, got "toString"; there are ${KNOWN}`,
  );
});

describe('parseObjective', () => {
  test('reads terms, weights and options in brackets', () => {
    expect(parseObjective(' sigmoid : 0.8, bco_pair(beta=0.05, bcoShift=running):0.2 ,sft')).toEqual([
      { name: 'sigmoid', weight: 0.8, options: {} },
      { name: 'bco_pair', weight: 0.2, options: { beta: 0.05, bcoShift: 'running' } },
      { name: 'sft', weight: 1, options: {} },
    ]);
    expect(parseObjective('mpo').map(({ name, weight }) => [name, weight])).toEqual([
      ['sigmoid', 0.8],
      ['bco_pair', 0.2],
      ['sft', 1],
    ]);
  });

  test.each([
    ['sigmod', `objective: must be the name of a loss, got "sigmod"; did you mean sigmoid? there are ${KNOWN}`],
    ['sigmoid:0', 'objective: the weight of sigmoid must be a number above 0, got 0; leave the term out to drop it'],
    ['sigmoid:x', 'objective: the weight of sigmoid must be a number above 0, got x; leave the term out to drop it'],
    ['sigmoid,,sft', 'objective: a term must read name, name:weight or name(option=value):weight, got ""'],
    ['sigmoid(beta)', 'objective: options of sigmoid must read name=value, got "beta"'],
    ['sigmoid(beta=1,beta=2)', 'objective: option beta of sigmoid must be given once'],
    [
      'sigmoid(beta=1',
      'objective: a term must read name, name:weight or name(option=value):weight, got "sigmoid(beta=1"',
    ],
    ['sft,sft:2', 'objective: each loss must stand once, got sft twice; add up the weights'],
    ['x'.repeat(2001), 'objective: must have at most 2000 characters, got 2001'],
    [Array.from({ length: 17 }, () => 'sft').join(','), 'objective: must have at most 16 terms, got 17'],
  ])('%s is refused', (text, message) => {
    expect(refusal(() => parseObjective(text))).toBe(message);
  });
});

describe('options', () => {
  test('reach every term that takes them; brackets win; the text says what differs from defaults', () => {
    const resolved = resolveObjective({
      objective: 'sigmoid:0.8,bco_pair(beta=0.05):0.2,sft',
      options: { beta: 0.3, labelSmoothing: 0.1 },
    });
    expect(resolved.terms.map(({ options }) => options['beta'])).toEqual([0.3, 0.05, undefined]);
    expect(resolved.text).toBe('sigmoid(beta=0.3,labelSmoothing=0.1):0.8,bco_pair(beta=0.05):0.2,sft');
    expect(resolveObjective({ objective: resolved.text }).text).toBe(resolved.text);
    const { kind, needsReference, coupling, needs, reward, state } = resolved;
    expect({ kind, needsReference, coupling, needs, reward, state }).toEqual({
      kind: 'pair',
      needsReference: true,
      coupling: 'rows',
      needs: [],
      reward: { form: 'answer', beta: 0.3, hasOwnBeta: false, weighsLogps: false },
      state: {},
    });
  });

  test('decide what is needed', () => {
    expect(demands('ipo', { ldAlpha: 0.5 }).needs).toEqual(['sharedLogps', 'sharedReferenceLogps']);
    expect(demands('ipo', { ldAlpha: 0.5, ldSides: 'policy', weighting: 'wpo' }).needs).toEqual([
      'sharedLogps',
      'logCollision',
    ]);
    expect(demands('tdpo1,wpo').needs).toEqual(['sequentialKl', 'logCollision']);
    expect(demands('kto')).toEqual({ needs: ['klLogps', 'klReferenceLogps'], coupling: 'batch', state: {} });
    expect(demands('sigmoid,sft(sftMean=batch)').coupling).toBe('batch');
    expect(demands('sft', { sftMean: 'sequence' }).needs).toEqual(['promptLengths']);
    expect(demands('bco_pair,aot', { bcoShift: 'running' })).toEqual({
      needs: [],
      coupling: 'batch',
      state: { 'bco_pair/shift': 0, 'bco_pair/seen': 0 },
    });
    expect(demands('beta_dpo').state).toEqual({ 'beta_dpo/gapMean': 0, 'beta_dpo/gapSpread': 1, 'beta_dpo/draws': 0 });
  });

  test('graphs ask for no more than that', () => {
    expect(inputs('simpo')).toEqual([
      'chosen/lengths',
      'chosen/logps',
      'lossScale',
      'rejected/lengths',
      'rejected/logps',
    ]);
    expect(inputs('bco')).toEqual([
      'labels',
      'logps',
      'lossScale',
      'referenceLogps',
      'state/bco/seen',
      'state/bco/shift',
    ]);
    const scheduled = objectiveGraph(resolveObjective({ objective: 'sigmoid,bco_pair(beta=0.05)' }), {
      betaInput: true,
    });
    expect(graphInputs(scheduled).map(({ attributes: { name } }) => name)).toContain('beta');
    const own = objectiveGraph(resolveObjective({ objective: 'bco_pair(beta=0.05)' }), { betaInput: true });
    expect(
      graphInputs(graph({ losses: own.outputs['losses']! })).map(({ attributes: { name } }) => name),
    ).not.toContain('beta');
  });

  const SIGMOID = Object.keys(LOSSES.sigmoid.options).join(', ');
  test.each<[string, ObjectiveRequest, string]>([
    [
      'unknown to the loss',
      { objective: 'sigmoid', options: { discopopTau: 0.1 } },
      `discopopTau: has no effect with objective sigmoid, which takes ${SIGMOID}; remove it`,
    ],
    [
      'in brackets and unknown to its term',
      { objective: 'sft(beta=1)' },
      'beta: has no effect with objective sft, which takes sftMean; remove it',
    ],
    [
      'without the choice it belongs to',
      { objective: 'sigmoid', options: { fAlpha: 0.3 } },
      'fAlpha: objective sigmoid has an effect only with fDivergence alpha_divergence; set that or remove it',
    ],
    [
      'in brackets without it',
      { objective: 'ipo(ldSides=policy)' },
      'ldSides: of ipo has an effect only with ldAlpha below 1; set that or remove it',
    ],
    [
      'overridden everywhere',
      { objective: 'sigmoid(beta=0.2),sft', options: { beta: 0.3 } },
      'beta: has no effect, as every term of sigmoid,sft that takes it has its own; remove it',
    ],
    ['out of range', { objective: 'sigmoid', options: { beta: 0 } }, 'beta: must be a number above 0, got 0'],
    ['no number', { objective: 'sigmoid', options: { beta: '0.1' } }, 'beta: must be a number above 0, got "0.1"'],
    [
      'not finite',
      { objective: 'sigmoid', options: { beta: Infinity } },
      'beta: must be a number above 0, got Infinity',
    ],
    [
      'at an open bound',
      { objective: 'robust', options: { labelSmoothing: 0.5 } },
      'labelSmoothing: must be a number at least 0 and below 0.5, got 0.5',
    ],
    [
      'without smoothing where it must be above 0',
      { objective: 'exo_pair', options: { labelSmoothing: 0 } },
      'labelSmoothing: must be a number above 0 and below 0.5, got 0',
    ],
    [
      'no choice',
      { objective: 'ipo', options: { ipoForm: 'median' } },
      'ipoForm: must be one of mean, sum, got "median"',
    ],
    [
      'of a kind of rows that does not mix',
      { objective: 'sigmoid,kto' },
      'objective: all terms must take the same kind of rows, got sigmoid (pairs), kto (unpaired answers); train on one kind',
    ],
    [
      'margins nowhere subtracted',
      { objective: 'ipo', margins: true },
      'margins: have no effect with objective ipo, which does not compare a scaled reward difference; drop the column',
    ],
    [
      'weights of rows that lose their identity',
      { objective: 'sigmoid,aot', weights: true },
      'weights: must not be given with aot, whose losses belong to no single row; drop the column',
    ],
    [
      'several at once',
      { objective: 'hinge', options: { beta: -1, tau: 2, labelSmoothing: 0.1 } },
      [
        `tau: has no effect with objective hinge, which takes ${Object.keys(LOSSES.hinge.options).join(', ')}; remove it`,
        `labelSmoothing: has no effect with objective hinge, which takes ${Object.keys(LOSSES.hinge.options).join(', ')}; remove it`,
        'beta: must be a number above 0, got -1',
      ].join('\n'),
    ],
  ])('%s: refused', (_label, request, message) => {
    expect(refused(request)).toBe(message);
  });
});

describe('compatibility modes', () => {
  test('change defaults, and given options win', () => {
    const simpo = optionsOf({ objective: 'simpo', compat: 'trl-1' });
    expect([simpo['beta'], simpo['simpoGamma']]).toEqual([0.1, 0.5]);
    expect(optionsOf({ objective: 'simpo', compat: 'trl-1', options: { beta: 3 } })['beta']).toBe(3);
    expect(optionsOf({ objective: 'bco_pair', compat: 'trl-0.28' })).toMatchObject({ bcoShift: 'running', beta: 0.1 });
    expect(optionsOf({ objective: 'bco_pair', compat: 'original' })).toMatchObject({ bcoShift: 'running', beta: 0.01 });
    const alpha = { objective: 'sigmoid', options: { fDivergence: 'alpha_divergence' } } as const;
    expect(optionsOf({ ...alpha, compat: 'trl-0.28' })).toMatchObject({ fAlpha: 1, fAlphaForm: 'paper' });
    expect(optionsOf({ ...alpha, compat: 'trl-1' })).toMatchObject({ fAlpha: 0.5, fAlphaForm: 'trl' });
    expect(optionsOf({ objective: 'cal_dpo', compat: 'original' })['calibrationWeight']).toBe(0.5);
    expect(resolveObjective({ objective: 'rpo', compat: 'trl-1' }).coupling).toBe('batch');
  });

  test('refuse what their version ignores, term by term', () => {
    expect(refused({ objective: 'sigmoid', compat: 'trl-1', options: { labelSmoothing: 0.1 } })).toMatch(
      /^labelSmoothing: has no effect with objective sigmoid under compat trl-1, which takes beta, /,
    );
    const mixed = resolveObjective({ objective: 'sigmoid,robust', compat: 'trl-1', options: { labelSmoothing: 0.2 } });
    expect(mixed.terms.map(({ options }) => options['labelSmoothing'])).toEqual([0, 0.2]);
    expect(refused({ objective: 'cdpo', compat: 'trl-0.28' })).toBe('accepted: "sigmoid(labelSmoothing=0.1)"');
  });

  test('are refused where they say nothing', () => {
    expect(refused({ objective: 'plackett_luce', compat: 'trl-1' })).toBe(
      'compat: has no effect with objective plackett_luce, which has one version; remove it',
    );
    expect(refused({ objective: 'sigmoid', compat: 'trl-2' as never })).toBe(
      'compat: must be one of trl-0.28, trl-1, original, got "trl-2"',
    );
  });
});

const rewardOf = (
  objective: string,
  options: Record<string, unknown> = {},
  compat?: 'trl-0.28' | 'trl-1' | 'original',
) => resolveObjective({ objective, options, ...(compat && { compat }) }).reward;

test('rewards count tokens beyond the shorter answer as the loss does; logps under the modes of TRL alone', () => {
  const both = { ldAlpha: 0.5, ldSides: 'both' };
  expect(rewardOf('ld_dpo')).toMatchObject({ lengths: both, weighsLogps: false });
  expect(rewardOf('ld_dpo', {}, 'original')).toMatchObject({ lengths: both, weighsLogps: false });
  expect(rewardOf('ld_dpo', {}, 'trl-1')).toMatchObject({ lengths: both, weighsLogps: true });
  const policy = { ldAlpha: 0.5, ldSides: 'policy' };
  expect(rewardOf('ld_dpo', {}, 'trl-0.28')).toMatchObject({ lengths: policy, weighsLogps: true });
  const ipo = { lengths: { ldAlpha: 0.25, ldSides: 'both' }, weighsLogps: true };
  expect(rewardOf('sft,ipo(ldAlpha=0.25)', {}, 'trl-1')).toMatchObject(ipo);
  expect(rewardOf('sigmoid', { ldAlpha: 1 }, 'trl-1').lengths).toBe(undefined);
});

test('the reward of a mixture is that of its first term with a reference, else of the first with a beta', () => {
  const plain = { hasOwnBeta: false, weighsLogps: false };
  expect(rewardOf('sft,simpo,sigmoid')).toEqual({ form: 'answer', beta: 0.1, ...plain });
  expect(rewardOf('sft,simpo(beta=3)')).toEqual({ form: 'token', beta: 3, ...plain, hasOwnBeta: true });
  expect(rewardOf('cpo')).toEqual({ form: 'answer', beta: 0.1, ...plain });
  expect(rewardOf('sft')).toEqual({ form: 'token', beta: 1, ...plain });
});
