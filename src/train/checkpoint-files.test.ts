import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import { openDevice } from '../runtime/index.ts';
import { newestCheckpoint } from '../store/index.ts';
import { restoreCheckpoint, saveCheckpoint } from './checkpoint-files.ts';
import type { Trainable } from './loop/trainable.ts';

test('a checkpoint gives its tensors back; one that would hold NaN is not written, and the one before stays', async () => {
  const run = mkdtempSync(join(tmpdir(), 'preftune-checkpoint-'));
  const device = await openDevice({ device: 'cpu', threads: 1 });
  try {
    const tensor = await device.upload(float32Tensor([2, 2], [1, 2, 3, 4]));
    const trainable = { tensors: new Map([['w', tensor]]) } as unknown as Trainable;
    await saveCheckpoint(run, trainable, { step: 1, tokens: 10 });
    await tensor.write(float32Tensor([2, 2], [1, 2, NaN, 4]));
    await expect(saveCheckpoint(run, trainable, { step: 2, tokens: 20 })).rejects.toThrow(
      'step 2: w must be finite to be saved, element 2 is NaN; the weights have diverged, most likely because the learning rate is too high: ' +
        'start again with a lower --learning-rate; checkpoints that were saved are finite',
    );
    expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-1']);
    expect(await restoreCheckpoint(newestCheckpoint(run)!, trainable)).toEqual({ step: 1, tokens: 10 });
    expect(Array.from((await tensor.read()).data)).toEqual([1, 2, 3, 4]);
    const other = await device.upload(float32Tensor([3], [0, 0, 0]));
    await expect(
      restoreCheckpoint(newestCheckpoint(run)!, { tensors: new Map([['w', other]]) } as unknown as Trainable),
    ).rejects.toThrow('the checkpoint must hold w [3], it does not; it belongs to another run');
  } finally {
    await device.dispose();
    rmSync(run, { recursive: true, force: true });
  }
});
