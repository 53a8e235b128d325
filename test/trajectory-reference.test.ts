import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveObjective } from '../src/objectives/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import type { OpenedModel } from '../src/policy/index.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';
import { openStart, recorded, recordedPairs, trainTrajectory, type Start } from './support/trajectory.ts';

/**
 * TR-DPO beside TRL's sync_ref_model, every weight of stories260K trained for 15 steps at 3e-4: the loss within 1e-4, the gradient norm within 1e-2 of
 * its size at every step.
 */
skipWithoutStories();

function largest(values: readonly number[]): number {
  return Math.max(...values.map(Math.abs));
}

describe.skipIf(!hasStories)('a reference that moves, beside TRL', () => {
  let device: Device;
  let opened: OpenedModel;
  let start: Start;

  beforeAll(async () => {
    device = await openDevice({ device: 'cpu' });
    opened = await openStories();
    start = await openStart(device, opened);
  });

  afterAll(async () => {
    await device.dispose();
    await opened.files.close();
  });

  function train({ every, mix }: { every: number; mix: number }) {
    return trainTrajectory(start, {
      objective: resolveObjective({ objective: 'sigmoid' }),
      rows: recordedPairs(),
      microBatchTokens: 110,
      batchSize: recorded.batch,
      totalSteps: recorded.steps,
      learningRate: 3e-4,
      update: mix === 1 ? { kind: 'hard', every } : { kind: 'soft', every, mix },
    });
  }

  it.each([
    ['tr_dpo_soft', 4, 0.6],
    ['tr_dpo_hard', 5, 1],
  ] as const)('%s', async (name, every, mix) => {
    const theirs = recorded.runs[name]!;
    expect(theirs.settings).toMatchObject({ ref_model_sync_steps: every, ref_model_mixup_alpha: mix });
    const steps = await train({ every, mix });
    const apart = (metric: string): number =>
      largest(steps.map(({ metrics }, step) => metrics[metric]! - (theirs[metric] as number[])[step]!));
    expect(steps.length).toBe(recorded.steps);
    expect(apart('loss')).toBeLessThan(1e-4);
    expect(largest(steps.map(({ metrics }, step) => metrics['grad_norm']! / theirs.grad_norm[step]! - 1))).toBeLessThan(
      1e-2,
    );
    // Of 0.84: rewards are differences of sums of 50 nats.
    for (const side of ['chosen', 'rejected']) expect(apart(`rewards/${side}`)).toBeLessThan(1e-4);
    const margins = steps.map(({ metrics }) => Math.abs(metrics['rewards/margins']!));
    expect(margins.map((margin) => margin < 1e-5).indexOf(true, 1)).toBe(mix === 1 ? every : -1);
  });

  it('the first steps are those of a reference that stays, and the later ones are not', async () => {
    const [hard, soft] = [await train({ every: 5, mix: 1 }), await train({ every: 4, mix: 0.6 })];
    const still = await train({ every: 99, mix: 1 });
    const losses = (run: typeof still): number[] => run.map(({ metrics }) => metrics['loss']!);
    expect(losses(hard).slice(0, 5)).toEqual(losses(still).slice(0, 5));
    expect(losses(soft).slice(0, 4)).toEqual(losses(still).slice(0, 4));
    expect(Math.abs(losses(hard)[5]! - losses(still)[5]!)).toBeGreaterThan(1e-2);
    expect(Math.abs(losses(soft)[4]! - losses(still)[4]!)).toBeGreaterThan(1e-2);
  });
});
