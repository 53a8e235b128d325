import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import { openDevice } from '../runtime/index.ts';
import { newestCheckpoint } from '../store/index.ts';
import { restoreCheckpoint, saveCheckpoint } from './checkpoint-files.ts';

test('a checkpoint gives its tensors back; one that would hold NaN is not written, and the one before stays', async () => {
  const run = mkdtempSync(join(tmpdir(), 'preftune-checkpoint-'));
  const device = await openDevice({ device: 'cpu', threads: 1 });
  try {
    const tensor = await device.upload(float32Tensor([2, 2], [1, 2, 3, 4]));
    const trainable = { tensors: new Map([['w', tensor]]) };
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
    await expect(restoreCheckpoint(newestCheckpoint(run)!, { tensors: new Map([['w', other]]) })).rejects.toThrow(
      'the checkpoint must hold w [3], it does not; it belongs to another run',
    );
  } finally {
    await device.dispose();
    rmSync(run, { recursive: true, force: true });
  }
});

test('state.json has the states of a source and of the parts of a step as fields of their names, and older runs are read', async () => {
  const run = mkdtempSync(join(tmpdir(), 'preftune-checkpoint-'));
  const saved = { tensors: new Map() };
  const stateOf = (step: number): string => join(run, 'checkpoints', `step-${step}`, 'state.json');
  try {
    await saveCheckpoint(run, saved, { step: 1, tokens: 10 });
    expect(readFileSync(stateOf(1), 'utf8')).toBe('{"version":1,"step":1,"tokens":10}\n');
    const states = { source: { cursor: [3, 1] }, objective: { shift: 0.1 + 0.2 } };
    await saveCheckpoint(run, saved, { step: 2, tokens: 20, states, owesEvaluation: true });
    expect(readFileSync(stateOf(2), 'utf8')).toBe(
      '{"version":1,"step":2,"tokens":20,"sourceState":{"cursor":[3,1]},"objectiveState":{"shift":0.30000000000000004},"owesEvaluation":true}\n',
    );
    expect(await restoreCheckpoint(newestCheckpoint(run)!, saved)).toEqual({
      step: 2,
      tokens: 20,
      states,
      owesEvaluation: true,
    });
    // As versions before parts of a step had states wrote it for bco with a running shift.
    const older = '{"version":1,"step":2,"tokens":7,"objectiveState":{"bco_pair/shift":-0.25},"owesEvaluation":true}\n';
    writeFileSync(stateOf(2), older);
    expect(await restoreCheckpoint(newestCheckpoint(run)!, saved)).toEqual({
      step: 2,
      tokens: 7,
      states: { objective: { 'bco_pair/shift': -0.25 } },
      owesEvaluation: true,
    });
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
});
