import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { openModelFiles } from '../src/formats/index.ts';
import { parseModelConfig } from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import type { OpenedModel } from '../src/policy/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import { FAMILY_CASES } from './support/family-cases.ts';
import { openStart, referenceOf, trainTrajectory } from './support/trajectory.ts';

/**
 * The first steps of DPO on a tiny model of each family, every weight trained, beside TRL in float32 (fixtures/trajectory/record_families.py): what
 * a family does otherwise (caps, scales, norms, ropes, windows) in packed training, its gradients clipped and applied.
 */
interface RecordedFamilies {
  readonly settings: Readonly<{ learning_rate: number; batch: number; beta: number }>;
  readonly rows: readonly Readonly<Record<'prompt' | 'chosen' | 'rejected', readonly number[]>>[];
  readonly runs: Readonly<Record<string, readonly Readonly<Record<string, number>>[]>>;
}

const FIXTURES = join(import.meta.dirname, 'fixtures');
const { settings, rows, runs } = JSON.parse(
  readFileSync(join(FIXTURES, 'trajectory', 'families.json'), 'utf8'),
) as RecordedFamilies;

const pairs = rows.map(({ prompt, chosen, rejected }, row) => ({
  id: `row ${row}`,
  prompt: Int32Array.from(prompt),
  chosen: Int32Array.from(chosen),
  rejected: Int32Array.from(rejected),
}));

test('every family has a run', () => {
  const lacking = Object.entries(FAMILY_CASES).filter(([, { recordings }]) => !recordings.some((name) => name in runs));
  expect(lacking.map(([family]) => `${family}: run record_families.py with one of its recordings`)).toEqual([]);
});

describe('DPO of each family beside TRL', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ device: 'cpu' });
  });
  afterAll(() => device.dispose());

  it.each(Object.keys(runs))('%s: loss, margin and gradient norm of every step', async (name) => {
    const files = await openModelFiles(join(FIXTURES, 'models', name));
    const opened = { files, config: parseModelConfig(files.config) } as OpenedModel;
    const start = await openStart(device, opened);
    const run = {
      objective: resolveObjective({ objective: 'sigmoid', options: { beta: settings.beta } }),
      rows: pairs,
      learningRate: settings.learning_rate,
      batchSize: settings.batch,
      microBatchTokens: 4096,
      totalSteps: runs[name]!.length,
    };
    const reference = (await referenceOf(start, run))!;
    const steps = await trainTrajectory(start, { ...run, reference });
    await files.close();
    expect(steps.length).toBe(runs[name]!.length);
    for (const [i, step] of steps.entries()) {
      const theirs = runs[name]![i]!;
      expect(Math.abs(step.metrics['loss']! - theirs['loss']!), `loss of step ${i + 1}`).toBeLessThan(1e-4);
      expect(Math.abs(step.metrics['grad_norm']! / theirs['grad_norm']! - 1), `norm of step ${i + 1}`).toBeLessThan(
        1e-4,
      );
    }
  });
});
