import { describe, expect, test } from 'vitest';
import type { LossName } from './registry.ts';
import type { ClosedForm } from './testing/closed-form.ts';
import { CLOSED_FORMS, COMBINED } from './testing/closed-forms.ts';
import { evaluate } from './testing/evaluate.ts';

/** Options are float32 constants in the graph: 0.1 is off by 1.5e-8 of itself. */
const TOLERANCE = 2e-7;

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    const error = Math.abs(actual[i]! - value) / Math.max(Math.abs(value), 1e-2);
    expect(error, `element ${i}: ${actual[i]} for ${value}`).toBeLessThan(tolerance);
  });
}

function check({ request, rows, losses, gradients = {}, before = {}, after = {}, tolerance = TOLERANCE }: ClosedForm) {
  const state = Object.fromEntries(Object.entries(before).map(([name, value]) => [`state/${name}`, value]));
  const outputs = evaluate(request, rows, state);
  expectClose(outputs['losses']!, losses, tolerance);
  for (const [name, values] of Object.entries(gradients))
    expectClose(outputs[`gradient/${name}`]!, values, Math.max(tolerance, 1e-6));
  for (const [name, value] of Object.entries(after)) expectClose(outputs[`state/${name}`]!, [value], tolerance);
}

const label = ({ request, losses }: ClosedForm): string =>
  `${request.objective} ${JSON.stringify(request.options ?? {})} ${request.compat ?? ''} is ${losses.join(', ')}`;

describe.each(Object.keys(CLOSED_FORMS) as LossName[])('%s', (name) => {
  const forms: readonly ClosedForm[] = CLOSED_FORMS[name];
  test.each(forms.map((form) => [label(form), form] as const))('%s', (_label, form) => check(form));
});

test.each(COMBINED.map((form) => [label(form), form] as const))('%s', (_label, form) => check(form));
