import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { problemsOf } from '../core/index.ts';
import { createRunFolder, readRunFile, resumeRunFolder, type RunRecord } from './run-folder.ts';
import { makeTemporaryFolder, removeFolder, skipBecause, thrownBy, withSmallDisk } from '../files/testing/support.ts';

let parent: string;
let run: string;
beforeEach(() => {
  parent = makeTemporaryFolder();
  run = join(parent, 'runs', 'first');
});
afterEach(() => removeFolder(parent));

const RECORD: RunRecord = {
  specification: { model: 'tiny', seed: 42, lora: { rank: 16, targets: ['q_proj', 'v_proj'] }, output: 'runs/first' },
  versions: { preftune: '0.1.0', node: '20.20.2' },
  reference: { weights: 'ab12', adapter: null },
  data: { train: 'cd34' },
};

test('a new run writes the whole record and leaves nothing else behind', () => {
  const folder = createRunFolder(run, RECORD);
  expect(JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'))).toEqual({ formatVersion: 1, ...RECORD });
  expect(folder.file('checkpoints', 'step-1')).toBe(join(run, 'checkpoints', 'step-1'));
  expect(folder.isResumed).toBe(false);
  expect(readdirSync(run).toSorted()).toEqual(['.lock', 'run.json']);
  folder.dispose();
  expect(readdirSync(run)).toEqual(['run.json']);
  expect(readRunFile(run)).toEqual(RECORD);
});

test('an existing empty folder will do', () => {
  mkdirSync(run, { recursive: true });
  createRunFolder(run, RECORD).dispose();
  expect(existsSync(join(run, 'run.json'))).toBe(true);
});

test('a folder that holds a run, unrelated files, or is a file is refused and not touched', async () => {
  createRunFolder(run, RECORD).dispose();
  expect((await thrownBy(() => createRunFolder(run, RECORD))).message).toBe(
    `${run}: the output folder must be new or empty, got one that holds a run; pass --resume to continue it or choose another --output`,
  );
  const foreign = join(parent, 'thesis');
  mkdirSync(foreign);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) writeFileSync(join(foreign, name), '');
  const error = await thrownBy(() => createRunFolder(foreign, RECORD));
  expect(error.code).toBe('bad-input');
  expect(error.message).toBe(
    `${foreign}: the output folder must be new or empty, got one that holds a, b, c, d, e and 2 more; choose another --output`,
  );
  expect(readdirSync(foreign)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  const file = join(parent, 'file');
  writeFileSync(file, '');
  expect((await thrownBy(() => createRunFolder(file, RECORD))).message).toBe(
    `${file}: must be a folder, got a file at ${file}; choose another place`,
  );
});

test('a run that is in use is neither created nor resumed', async () => {
  const folder = createRunFolder(run, RECORD);
  expect((await thrownBy(() => resumeRunFolder(run, RECORD))).message).toContain('the folder must not be in use');
  folder.dispose();
  const resumed = resumeRunFolder(run, RECORD);
  expect(resumed.isResumed).toBe(true);
  resumed.dispose();
});

test('where something is whose contents are compared may differ', async () => {
  const stored = { ...RECORD, reference: { weights: 'w', model: 'models/a' } };
  createRunFolder(run, stored).dispose();
  const elsewhere = (weights: string) => ({ ...RECORD, reference: { weights, model: '../models/a' } });
  const options = { namesMayDiffer: ['reference.model'] };
  resumeRunFolder(run, elsewhere('w'), options).dispose();
  expect((await thrownBy(() => resumeRunFolder(run, elsewhere('v'), options))).message).toBe(
    `${run}: reference.weights must be what the run began with to resume it, got "v" instead of "w"; change it back or choose another --output`,
  );
});

test('resuming lists every difference with its option path, old and new value', async () => {
  createRunFolder(run, RECORD).dispose();
  const error = await thrownBy(() =>
    resumeRunFolder(
      run,
      {
        specification: {
          model: 'tiny',
          seed: 43,
          lora: { rank: 16, targets: ['q_proj'] },
          beta: 0.2,
          output: 'elsewhere',
        },
        versions: RECORD.versions,
        reference: { weights: 'ee', adapter: null },
        data: { train: 'ff' },
      },
      { mayDiffer: ['output'] },
    ),
  );
  expect(error.code).toBe('bad-input');
  const tail = (path: string, now: string, was: string) =>
    `${run}: ${path} must be what the run began with to resume it, got ${now} instead of ${was}; change it back or choose another --output`;
  expect(error.message.split('\n')).toEqual([
    tail('seed', '43', '42'),
    tail('lora.targets.1', 'nothing', '"v_proj"'),
    tail('beta', '0.2', 'nothing'),
    tail('reference.weights', '"ee"', '"ab12"'),
    tail('data.train', '"ff"', '"cd34"'),
  ]);
  // The refusal gave the lock back.
  expect(readdirSync(run)).toEqual(['run.json']);
});

test('other versions are reported, not refused; values that JSON cannot hold compare as they were stored', () => {
  createRunFolder(run, { ...RECORD, specification: { limit: NaN } }).dispose();
  const folder = resumeRunFolder(run, {
    ...RECORD,
    specification: { limit: NaN },
    versions: { preftune: '0.2.0', node: '20.20.2' },
  });
  expect(folder.versionDifferences).toEqual([{ path: 'preftune', before: '0.1.0', after: '0.2.0' }]);
  folder.dispose();
});

test('what killed processes left is removed on resume', () => {
  createRunFolder(run, RECORD).dispose();
  mkdirSync(join(run, 'checkpoints', '.tmp-step-5-1-ab'), { recursive: true });
  writeFileSync(join(run, '.tmp-run.json-1-ab'), 'half');
  resumeRunFolder(run, RECORD).dispose();
  expect(readdirSync(run).toSorted()).toEqual(['checkpoints', 'run.json']);
  expect(readdirSync(join(run, 'checkpoints'))).toEqual([]);
});

test('a process that died before it wrote run.json does not spoil the folder', () => {
  mkdirSync(join(run, '.lock'), { recursive: true });
  writeFileSync(join(run, '.lock', 'owner-1.json'), '');
  writeFileSync(join(run, '.tmp-run.json-1-ab'), '{"half"');
  createRunFolder(run, RECORD).dispose();
  expect(readdirSync(run)).toEqual(['run.json']);
});

test('resuming what is no run says so', async () => {
  expect((await thrownBy(() => resumeRunFolder(run, RECORD))).message).toBe(
    `${run}: must hold a run, got no run.json; leave out --resume to start a new run`,
  );
  mkdirSync(run, { recursive: true });
  const file = join(run, 'run.json');
  writeFileSync(file, '{"formatVersion": 1,');
  expect((await thrownBy(() => resumeRunFolder(run, RECORD))).message).toContain(`${file}: must be JSON, got `);
  writeFileSync(file, '{"formatVersion": 9}');
  expect((await thrownBy(() => resumeRunFolder(run, RECORD))).message).toBe(
    `${file}: formatVersion must be 1, got 9; use the version of preftune that wrote it`,
  );
  writeFileSync(file, 'null');
  expect((await thrownBy(() => resumeRunFolder(run, RECORD))).message).toContain(
    'formatVersion must be 1, got nothing',
  );
  expect(readdirSync(run)).toEqual(['run.json']);
});

test('a full disk leaves no half-written run.json', async ({ skip }) => {
  const reason = await withSmallDisk(64, async (disk) => {
    const error = await thrownBy(() =>
      createRunFolder(join(disk, 'run'), { ...RECORD, specification: { notes: 'x'.repeat(100_000) } }),
    );
    expect(error.code).toBe('run-failed');
    expect(error.message).toContain('got no space left; free some space');
    expect(readdirSync(disk)).toEqual([]);
  });
  skipBecause(skip, reason);
});

test('a folder that may not be written is refused', async ({ skip }) => {
  skipBecause(skip, process.getuid?.() === 0 ? 'the superuser may write everywhere' : undefined);
  chmodSync(parent, 0o500);
  expect((await thrownBy(() => createRunFolder(run, RECORD))).message).toContain(
    `must be writable, got permission denied in ${parent}; choose another folder or change its owner`,
  );
});

test('what the version that began a run did not record is not compared, and is told where something else differs', () => {
  createRunFolder(run, { ...RECORD, model: { weights: 'w', tokenizer: 'of a day' } }).dispose();
  const specification = { ...RECORD.specification, templateTime: '2026-11-30' };
  const record = { ...RECORD, specification, model: { weights: 'w', tokenizer: 'of any day' } };
  const problem = { file: run, message: 'say the day' };
  const options = { unrecorded: { paths: ['templateTime', 'model.tokenizer'], problem } };
  const folder = resumeRunFolder(run, record, options);
  expect(folder.record.specification).toEqual(RECORD.specification);
  folder.dispose();
  const changed = { ...record, data: { train: 'ef56' } };
  expect(problemsOf(() => resumeRunFolder(run, changed, options)).map(({ message }) => message)).toEqual([
    'data.train must be what the run began with to resume it, got "ef56" instead of "cd34"; change it back or choose another --output',
    'say the day',
  ]);
  expect(problemsOf(() => resumeRunFolder(run, record)).map(({ path }) => path)).toEqual([
    'templateTime',
    'model.tokenizer',
  ]);
});
