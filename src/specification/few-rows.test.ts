import { describe, expect, it } from 'vitest';
import { fewStepsOf, proposeSettings, type SettingCounts } from './few-rows.ts';

const DPO = { recipe: 'dpo', method: 'lora' } as const satisfies Omit<SettingCounts, 'rows'>;
const USUAL = { epochs: 1, batchSize: 8, learningRate: 5e-5 } as const;

function settingsFor(rows: number): number[] {
  const { epochs, batchSize, learningRate } = proposeSettings({ ...DPO, rows }, USUAL);
  return [rows, epochs, batchSize, learningRate];
}

describe('proposeSettings', () => {
  it('gives few pairs more passes and a higher rate, many pairs what is usual', () => {
    expect([4, 10, 30, 100, 199, 200, 300, 1000, 3000, 100_000].map(settingsFor)).toEqual([
      [4, 10, 4, 5e-4],
      [10, 10, 4, 5e-4],
      [30, 9, 4, 4e-4],
      [100, 3, 4, 4e-4],
      [199, 2, 4, 3e-4],
      [200, 3, 8, 4e-4],
      [300, 2, 8, 4e-4],
      [1000, 1, 8, 2e-4],
      [3000, 1, 8, 8e-5],
      [100_000, 1, 8, 5e-5],
    ]);
  });

  it('keeps what was given, and lets the others follow', () => {
    const given = { epochs: 2, batchSize: 2, learningRate: 1e-4 };
    expect(proposeSettings({ ...DPO, rows: 30 }, given, ['batchSize'])).toEqual({
      epochs: 5,
      batchSize: 2,
      learningRate: 4e-4,
    });
    expect(proposeSettings({ ...DPO, rows: 30 }, given, ['epochs', 'learningRate'])).toEqual({
      ...given,
      batchSize: 4,
    });
  });

  it('knows whole models, losses of batches, losses without a reference, and supervised training', () => {
    expect(proposeSettings({ ...DPO, rows: 30, method: 'full' }, USUAL).learningRate).toBe(8e-6);
    expect(proposeSettings({ ...DPO, rows: 30, isCoupled: true }, USUAL).batchSize).toBe(8);
    expect(proposeSettings({ ...DPO, rows: 30, isReferenceFree: true }, USUAL).learningRate).toBe(2e-4);
    expect(proposeSettings({ ...DPO, rows: 30, recipe: 'sft' }, { ...USUAL, learningRate: 2e-4 }).learningRate).toBe(
      2e-4,
    );
  });
});

describe('fewStepsOf', () => {
  it('says how few, and what can be pasted', () => {
    expect(fewStepsOf({ ...DPO, rows: 30 }, { ...USUAL, steps: 4 })).toEqual({
      steps: 4,
      proposed: { epochs: 9, batchSize: 4, learningRate: 4e-4 },
      flags: '--epochs 9 --batch-size 4 --learning-rate 4e-4',
      text: '30 rows make 4 steps of 8: too few to change many answers, and for most checks; for so many rows try --epochs 9 --batch-size 4 --learning-rate 4e-4 (--auto chooses them)',
    });
  });

  it('says nothing of answers where the rate makes up for the steps', () => {
    expect(fewStepsOf({ ...DPO, rows: 96 }, { epochs: 4, batchSize: 16, learningRate: 5e-3, steps: 24 })!.text).toBe(
      '96 rows make 24 steps of 16: too few for most checks; for so many rows try --epochs 3 --batch-size 4 --learning-rate 4e-4 (--auto chooses them)',
    );
  });

  it('asks for rows where settings cannot help, and says nothing of enough steps or of --max-steps', () => {
    const most = { epochs: 10, batchSize: 4, learningRate: 5e-4 };
    expect(fewStepsOf({ ...DPO, rows: 5 }, { ...most, steps: 20 })!.text).toBe(
      '5 rows make 20 steps of 4: too few to change many answers, and for most checks; bring more rows',
    );
    expect(fewStepsOf({ ...DPO, rows: 240 }, { ...USUAL, steps: 30 })).toBe(undefined);
    expect(fewStepsOf({ ...DPO, rows: 240 }, { ...USUAL, steps: 2, maxSteps: 2 })).toBe(undefined);
  });
});
