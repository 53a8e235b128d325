import { expect, test } from 'vitest';
import type { MetricRecord } from '../store/index.ts';
import { choiceSentence } from './choice.ts';
import { createSelection, type SelectionOptions, type Selection } from './selection.ts';

const losses = (values: readonly (number | null)[], every = 10): MetricRecord[] =>
  values.map((eval_loss, at) => ({ step: at * every, eval_loss }));

function fed(options: SelectionOptions, records: readonly MetricRecord[]): Selection {
  const selection = createSelection(options);
  for (const record of records) selection.add(record);
  return selection;
}

/** The step at which a run with these evaluations ends; undefined where it goes on. */
function endOf(options: SelectionOptions, records: readonly MetricRecord[]): number | undefined {
  const selection = createSelection(options);
  return records.find((record) => selection.add(record).endsRun)?.step;
}

test('patience counts evaluations in a row that are no better than the last improvement, the start among them', () => {
  const values = [0.69, 0.6, 0.61, 0.62, 0.59, 0.6, 0.6, 0.6, 0.5];
  expect(endOf({ metric: 'loss', patience: 2 }, losses(values))).toBe(30);
  expect(endOf({ metric: 'loss', patience: 3 }, losses(values))).toBe(70);
  expect(endOf({ metric: 'loss', patience: 4 }, losses(values))).toBeUndefined();
  expect(endOf({ metric: 'loss' }, losses([1, 2, 3, 4, 5]))).toBeUndefined();
  // Training that only makes it worse never beats the start.
  expect(endOf({ metric: 'loss', patience: 3 }, losses([0.69, 0.7, 0.699, 0.698]))).toBe(30);
  // The same value again is no improvement.
  expect(endOf({ metric: 'loss', patience: 1 }, losses([0.69, 0.69]))).toBe(10);
});

test('what gains a little each time is an improvement once it adds up', () => {
  // 0.004 a time with 0.01 wanted: every third evaluation is one, measured from the last one that was.
  const slow = losses(Array.from({ length: 12 }, (_, at) => 1 - 0.004 * at));
  expect(endOf({ metric: 'loss', patience: 3, improvement: 0.01 }, slow)).toBeUndefined();
  expect(endOf({ metric: 'loss', patience: 2, improvement: 0.01 }, slow)).toBe(20);
  // Exactly the improvement is not more than it.
  expect(endOf({ metric: 'loss', patience: 1, improvement: 0.5 }, losses([1, 0.5]))).toBe(10);
});

test('higher is better for accuracy and margin', () => {
  const records = [0.5, 0.7, 0.6, 0.65].map((value, step) => ({ step, 'eval_rewards/accuracies': value }));
  expect(endOf({ metric: 'accuracy', patience: 2 }, records)).toBe(3);
  expect(fed({ metric: 'accuracy' }, records).best()).toEqual({ step: 1, metric: 'accuracy', value: 0.7 });
  const margins = [0, -1, -0.5, -0.25].map((value, step) => ({ step, 'eval_rewards/margins': value }));
  expect(endOf({ metric: 'margin', patience: 3 }, margins)).toBe(3);
  expect(fed({ metric: 'margin' }, margins).best()).toEqual({ step: 3, metric: 'margin', value: -0.25 });
});

test('a value that is not finite is no improvement, and neither best nor what others are compared with', () => {
  const records = losses([null, null, 0.6, null, 0.7]);
  expect(fed({ metric: 'loss' }, records).best()).toEqual({ step: 20, metric: 'loss', value: 0.6 });
  expect(endOf({ metric: 'loss', patience: 2 }, records.slice(2))).toBe(40);
  expect(endOf({ metric: 'loss', patience: 1 }, [{ step: 0, eval_loss: NaN }])).toBe(0);
});

test('every prefix read again from the log stands where the run stood, to the last counter', () => {
  const options = { metric: 'loss', patience: 9, improvement: 0.02 } as const;
  const records = losses([0.69, 0.68, 0.66, 0.67, 0.65, 0.65, 0.66, 0.61, 0.6]);
  const straight = createSelection(options);
  for (const [at, record] of records.entries()) {
    const standing = straight.add(record);
    const again = fed(options, JSON.parse(JSON.stringify(records.slice(0, at + 1))) as MetricRecord[]);
    expect([again.standing(), again.best()]).toEqual([standing, straight.best()]);
  }
});

const sentence = (values: readonly number[], artefact: number, keepsBest = true): string | undefined => {
  const selection = fed({ metric: 'loss' }, losses(values));
  const step = 10 * (values.length - 1);
  const choice = artefact === step ? 'last' : 'best';
  return choiceSentence({
    run: 'run',
    selection,
    keepsBest,
    outcome: {
      step,
      totalSteps: 60,
      isComplete: true,
      isEarly: step < 60,
      artefact: { folder: 'adapter', step: artefact, choice },
    },
  });
};

test('which step is best, which was taken, and how to get the other', () => {
  const early = [0.7, 0.6, 0.55, 0.5, 0.45, 0.6, 0.65];
  expect(sentence(early, 60)).toBe(
    'held-out loss was lowest at step 40 of 60 (0.4500; 0.6500 at step 60); the adapter is that of step 60: run@best names the other, and --resume --load-best writes it',
  );
  expect(sentence(early, 40)).toBe(
    'held-out loss was lowest at step 40 of 60 (0.4500; 0.6500 at step 60); the adapter is that of this step',
  );
  expect(sentence(early, 60, false)).toContain('the adapter is that of step 60: --keep last kept no other');
  expect(sentence([0.7, 0.6, 0.5], 20)).toBe(
    'held-out loss was lowest at step 20 of 60 (0.5000); the adapter is that of this step',
  );
  expect(sentence([0.7, 0.5, 0.50001], 20)).toBe(
    'held-out loss was lowest at step 10 of 60 (0.5000); the adapter is that of step 20, where it is about the same: run@best names the other, and --resume --load-best writes it',
  );
  expect(sentence([0.6, 0.7, 0.8], 20)).toContain(
    '(0.7000; 0.8000 at step 20); no step was better than the model as it started (0.6000); the adapter',
  );
  expect(sentence([0.7], 0)).toBeUndefined();
});
