import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import {
  listCheckpoints,
  newestCheckpoint,
  pruneCheckpoints,
  removeCheckpointsAfter,
  removeUnfinishedCheckpoints,
  writeCheckpoint,
} from './checkpoints.ts';
import {
  buildProgram,
  makeTemporaryFolder,
  removeFolder,
  skipBecause,
  startProgram,
  thrownBy,
  withSmallDisk,
} from '../files/testing/support.ts';

let run: string;
beforeEach(() => (run = makeTemporaryFolder()));
afterEach(() => removeFolder(run));

function save(step: number, text = `{"step":${step}}`) {
  return writeCheckpoint(run, step, { files: { 'state.json': (path) => writeFileSync(path, text) } });
}

const write = () => undefined;

const steps = () => listCheckpoints(run).map(({ step }) => step);

test('a checkpoint has exactly the files that the writers wrote', async () => {
  const stored = await writeCheckpoint(run, 5, {
    files: {
      'state.json': (path) => writeFileSync(path, '{"step":5}'),
      'adapter.safetensors': async (path) => {
        await Promise.resolve();
        writeFileSync(path, 'weights');
      },
    },
  });
  expect(stored).toEqual({ step: 5, path: join(run, 'checkpoints', 'step-5') });
  expect(readdirSync(stored.path).toSorted()).toEqual(['adapter.safetensors', 'state.json']);
  expect(readFileSync(join(stored.path, 'adapter.safetensors'), 'utf8')).toBe('weights');
  expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-5']);
});

test('checkpoints are listed in the order of their steps, not of their names', async () => {
  expect(listCheckpoints(run)).toEqual([]);
  expect(newestCheckpoint(run)).toBeUndefined();
  for (const step of [10, 9, 100]) await save(step);
  mkdirSync(join(run, 'checkpoints', 'step-007'));
  mkdirSync(join(run, 'checkpoints', 'step-200'));
  mkdirSync(join(run, 'checkpoints', '.tmp-step-300-1-ab'));
  expect(steps()).toEqual([9, 10, 100]);
  expect(newestCheckpoint(run)?.step).toBe(100);
});

test('the same step again replaces the checkpoint', async () => {
  await save(3, '{"step":3,"try":1}');
  const { path } = await save(3, '{"step":3,"try":2}');
  expect(readFileSync(join(path, 'state.json'), 'utf8')).toBe('{"step":3,"try":2}');
  expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-3']);
});

test('pruning keeps the newest, resuming removes the later ones', async () => {
  for (const step of [1, 2, 3, 4, 5]) await save(step);
  expect(pruneCheckpoints(run, 3)).toEqual([1, 2]);
  expect(removeCheckpointsAfter(run, 4)).toEqual([5]);
  expect(readdirSync(join(run, 'checkpoints')).toSorted()).toEqual(['step-3', 'step-4']);
  expect((await thrownBy(() => pruneCheckpoints(run, 0))).message).toBe(
    'checkpoints.keep: must be an integer of at least 1, got 0',
  );
});

test('a writer that fails leaves nothing of the new checkpoint and everything of the old', async () => {
  await save(1);
  const error = await thrownBy(() =>
    writeCheckpoint(run, 2, {
      files: {
        'state.json': (path) => writeFileSync(path, '{}'),
        'optimizer.safetensors': () => {
          throw new Error('no such tensor');
        },
      },
    }),
  );
  expect(error.message).toContain('step-2: must be readable and writable, got no such tensor');
  expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-1']);
});

test('a writer that writes nothing is a failure', async () => {
  const error = await thrownBy(() => writeCheckpoint(run, 2, { files: { 'state.json': () => undefined } }));
  expect(error.code).toBe('run-failed');
  expect(steps()).toEqual([]);
});

test('names with folders and a missing state.json are our own mistakes', async () => {
  expect((await thrownBy(() => writeCheckpoint(run, 1, { files: { a: write } }))).message).toBe(
    'internal: a checkpoint must have state.json',
  );
  expect(
    (await thrownBy(() => writeCheckpoint(run, 1, { files: { 'state.json': write, '../a': write } }))).message,
  ).toBe("internal: a checkpoint's file name must be plain, got ../a");
});

test('a full disk fails the run and keeps the earlier checkpoint', async ({ skip }) => {
  const reason = await withSmallDisk(128, async (disk) => {
    const saveBytes = (step: number, sizeBytes: number) =>
      writeCheckpoint(disk, step, {
        files: {
          'state.json': (path) => writeFileSync(path, `{"step":${step}}`),
          'model.safetensors': (path) => writeFileSync(path, Buffer.alloc(sizeBytes)),
        },
      });
    await saveBytes(1, 40_000);
    const error = await thrownBy(() => saveBytes(2, 200_000));
    expect(error.code).toBe('run-failed');
    expect(error.message).toBe(
      `${disk}/checkpoints/step-2: the disk must have room, got no space left; free some space and run the same ` +
        'command with --resume. What was written before is complete and readable',
    );
    expect(readdirSync(join(disk, 'checkpoints'))).toEqual(['step-1']);
    expect(readFileSync(join(disk, 'checkpoints', 'step-1', 'model.safetensors')).length).toBe(40_000);
  });
  skipBecause(skip, reason);
});

test('30 kills at random moments never leave a broken checkpoint visible', async () => {
  const random = createRandom(7, 'kill');
  const program = await buildProgram(
    join(import.meta.dirname, 'testing', 'checkpoints-child.ts'),
    join(run, 'program'),
  );
  let before = 0;
  let leftovers = 0;
  for (let kill = 0; kill < 30; kill++) {
    const { child, ended, output } = startProgram([program, run]);
    await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, random.nextFloat() * 12));
    child.kill('SIGKILL');
    await ended;
    const stored = listCheckpoints(run);
    for (const { step, path } of stored) {
      expect(readFileSync(join(path, 'state.json'), 'utf8')).toBe(JSON.stringify({ step }));
      expect(readFileSync(join(path, 'adapter.safetensors'), 'utf8')).toBe(`${step}:${'x'.repeat(20_000)}:${step}`);
    }
    const newest = stored.at(-1)!.step;
    // What was reported as written is there, and every later run continues behind it.
    expect(newest).toBeGreaterThanOrEqual(Number(output().trim().split('\n').at(-1)));
    expect(newest).toBeGreaterThan(before);
    before = newest;
    const names = readdirSync(join(run, 'checkpoints'));
    expect(names.filter((name) => !name.startsWith('.tmp-')).toSorted()).toEqual(
      stored.map(({ step }) => `step-${step}`).toSorted(),
    );
    leftovers += names.filter((name) => name.startsWith('.tmp-')).length;
    removeUnfinishedCheckpoints(run);
    expect(readdirSync(join(run, 'checkpoints')).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
  }
  // The kills did hit the middle of a write, or this test would prove nothing.
  expect(leftovers).toBeGreaterThan(0);
});
