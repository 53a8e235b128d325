import { expect, test } from 'vitest';
import { problemsOf } from '../core/index.ts';
import { givenOf, parseDpoSpecification, parseSftSpecification } from './specification.ts';

const NAMED = { model: 'm', data: 'd', output: 'o' };
const HELD = { ...NAMED, heldOutFraction: 0.2 };
const messagesOf = (work: () => unknown): string[] => problemsOf(work).map(({ message }) => message);

function kept(given: Record<string, unknown>, parse = parseDpoSpecification) {
  const { keep, bestMetric, loadBest } = parse(given) as ReturnType<typeof parseDpoSpecification>;
  return [keep.join(','), bestMetric, loadBest];
}

test('the best stays wherever rows are held out, and is the artefact where early stopping looks for it', () => {
  expect(kept(NAMED)).toEqual(['last', undefined, false]);
  expect(kept(HELD)).toEqual(['best,last', 'loss', false]);
  expect(kept({ ...NAMED, heldOut: 'h' })).toEqual(['best,last', 'loss', false]);
  expect(kept({ ...HELD, earlyStoppingPatience: 3 })).toEqual(['best,last', 'loss', true]);
  expect(kept({ ...HELD, earlyStoppingPatience: 3, loadBest: false })).toEqual(['best,last', 'loss', false]);
  expect(kept({ ...HELD, earlyStoppingPatience: 3, keep: ['last'] })).toEqual(['last', 'loss', false]);
  expect(kept({ ...HELD, betaSchedule: 'linear', betaEnd: 0.5 })).toEqual(['best,last', 'accuracy', false]);
  expect(kept({ ...HELD, keep: ['best'], bestMetric: 'margin', loadBest: true })).toEqual(['best', 'margin', true]);
  expect(
    kept({ ...HELD, earlyStoppingPatience: 3 }, parseSftSpecification as unknown as typeof parseDpoSpecification),
  ).toEqual(['best,last', 'loss', true]);
});

test('what they came from gives them again, as run.json does', () => {
  for (const given of [HELD, { ...HELD, keep: ['best'], loadBest: true }, { ...HELD, earlyStoppingPatience: 2 }]) {
    const stored = JSON.parse(JSON.stringify(parseDpoSpecification(given))) as Record<string, unknown>;
    expect(JSON.parse(JSON.stringify(parseDpoSpecification(givenOf(stored))))).toEqual(stored);
  }
});

test('without held-out rows everything that needs them is refused at once', () => {
  const given = {
    ...NAMED,
    keep: ['best', 'last'],
    bestMetric: 'accuracy',
    loadBest: true,
    earlyStoppingPatience: 3,
    earlyStoppingImprovement: 0.1,
  };
  const needs = 'needs held-out rows to measure on, got none; add --held-out or --held-out-fraction';
  expect(messagesOf(() => parseDpoSpecification(given))).toEqual([
    `--keep best ${needs}`,
    `--best-metric accuracy ${needs}`,
    `--load-best ${needs}`,
    `--early-stopping-patience ${needs}`,
  ]);
});

test('what cannot work together is refused, and an unknown metric with those that there are', () => {
  expect(messagesOf(() => parseDpoSpecification({ ...HELD, bestMetric: 'eval_loss' }))).toEqual([
    '--best-metric must be one of loss, accuracy, margin, got "eval_loss"',
  ]);
  expect(messagesOf(() => parseDpoSpecification({ ...HELD, keep: ['last'], loadBest: true }))).toEqual([
    '--load-best needs the best checkpoint, got --keep last; add best to it or leave it out',
  ]);
  expect(messagesOf(() => parseDpoSpecification({ ...HELD, earlyStoppingImprovement: 0.1 }))).toEqual([
    '--early-stopping-improvement has no effect without --early-stopping-patience; leave it out',
  ]);
  expect(messagesOf(() => parseSftSpecification({ ...HELD, bestMetric: 'margin' }))).toEqual([
    '--best-metric must be loss for sft, whose rows have no sides, got margin',
  ]);
  expect(
    messagesOf(() => parseDpoSpecification({ ...HELD, bestMetric: 'loss', betaSchedule: 'linear', betaEnd: 0.5 })),
  ).toEqual([
    '--best-metric must be accuracy with --beta-schedule, since beta is in loss and margin and makes those of different steps different things, got loss',
  ]);
  expect(
    messagesOf(() =>
      parseDpoSpecification({ ...HELD, earlyStoppingPatience: 2, referenceUpdate: 'stepwise', stages: 2 }),
    ),
  ).toEqual([
    '--early-stopping-patience must not be given with --reference-update stepwise, of which it would skip the later stages; leave one of them out',
  ]);
  expect(messagesOf(() => parseDpoSpecification({ ...HELD, earlyStoppingPatience: 0 }))).toEqual([
    '--early-stopping-patience must be at least 1, got 0',
  ]);
});
