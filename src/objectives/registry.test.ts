import { describe, expect, test } from 'vitest';
import type { PreftuneError } from '../core/index.ts';
import type { Objective } from './objective.ts';
import { isObjectiveName, objective, OBJECTIVES, resolveObjectiveOptions, type ObjectiveName } from './registry.ts';
import { sigmoid } from './sigmoid.ts';

/** What the help and the run record say of each. */
const FACTS = {
  sigmoid: { needsReference: true, defaults: { beta: 0.1 } },
} satisfies Record<ObjectiveName, { needsReference: boolean; defaults: Readonly<Record<string, number>> }>;

test.each(Object.entries(FACTS))('%s is found by name with its defaults', (name, { needsReference, defaults }) => {
  const found = objective(name);
  expect(found).toBe(OBJECTIVES[name as ObjectiveName]);
  expect([found.name, found.needsReference, isObjectiveName(name)]).toEqual([name, needsReference, true]);
  expect(resolveObjectiveOptions(found, {})).toEqual(defaults);
  expect(found.summary).toMatch(/\w+ et al\. \d{4}/);
});

test('an unknown name lists those that there are', () => {
  for (const name of ['dpo', '', 'toString', '__proto__']) {
    expect(isObjectiveName(name)).toBe(false);
    expect(() => objective(name)).toThrow(
      `objective: must be one of ${Object.keys(OBJECTIVES).join(', ')}, got "${name}"`,
    );
  }
});

function messageFor(used: Objective, given: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(resolveObjectiveOptions(used, given));
  } catch (thrown) {
    expect((thrown as PreftuneError).code).toBe('bad-input');
    return (thrown as PreftuneError).message;
  }
}

/** Every kind of range. */
const RANGES: Objective = {
  ...sigmoid,
  name: 'ranges',
  options: {
    above: { default: 1, minimum: 0, exclusiveMinimum: true, meaning: '' },
    share: { default: 0, minimum: 0, maximum: 0.5, meaning: '' },
    free: { default: -3, meaning: '' },
    below: { default: 0, maximum: 1, meaning: '' },
  },
};

describe('options', () => {
  test('given ones replace defaults', () => {
    expect(resolveObjectiveOptions(sigmoid, { beta: 0.5 })).toEqual({ beta: 0.5 });
    const given = { above: 1e-9, share: 0.5, free: -1e9, below: -5 };
    expect(resolveObjectiveOptions(RANGES, given)).toEqual(given);
  });

  test('one that has no effect is refused', () => {
    expect(messageFor(sigmoid, { tau: 1 })).toBe(
      'tau: has no effect with objective sigmoid, which takes beta; remove it',
    );
    expect(messageFor({ ...sigmoid, name: 'bare', options: {} }, { beta: 1 })).toBe(
      'beta: has no effect with objective bare, which takes no options; remove it',
    );
  });

  test.each([
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['0.1', '"0.1"'],
    [null, 'null'],
  ])('beta of %s is refused', (beta, printed) => {
    expect(messageFor(sigmoid, { beta })).toBe(`beta: must be a number above 0, got ${printed}`);
  });

  test('every problem is reported at once', () => {
    expect(messageFor(RANGES, { above: 0, share: 0.6, free: Infinity, below: 2, gamma: 1, tau: 2 })).toBe(
      [
        'gamma: has no effect with objective ranges, which takes above, share, free, below; remove it',
        'tau: has no effect with objective ranges, which takes above, share, free, below; remove it',
        'above: must be a number above 0, got 0',
        'share: must be a number at least 0 and at most 0.5, got 0.6',
        'free: must be a finite number, got Infinity',
        'below: must be a number at most 1, got 2',
      ].join('\n'),
    );
  });
});
