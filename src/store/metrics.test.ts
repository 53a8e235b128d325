import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MetricsFile, readMetrics, type MetricRecord } from './metrics.ts';
import { makeTemporaryFolder, removeFolder, skipBecause, thrownBy, withSmallDisk } from '../files/testing/support.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = makeTemporaryFolder();
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => removeFolder(folder));

function record(step: number): MetricRecord {
  return { step, epoch: step / 8, loss: 1 / (step + 1), 'rewards/margins': step * 0.25 };
}

function log(options: { resumeStep?: number }, steps: readonly number[]): void {
  const file = new MetricsFile(path, options);
  for (const step of steps) file.append(record(step));
  file.dispose();
}

test('a record is one line of JSON, readable before anything is flushed', () => {
  const file = new MetricsFile(path);
  file.append({ step: 1, loss: 0.5, 'rewards/chosen': NaN });
  expect(readFileSync(path, 'utf8')).toBe('{"step":1,"loss":0.5,"rewards/chosen":null}\n');
  file.append({ step: 1, eval_loss: 0.25 });
  file.flush();
  file.dispose();
  file.dispose();
  expect(readMetrics(path)).toEqual([
    { step: 1, loss: 0.5, 'rewards/chosen': null },
    { step: 1, eval_loss: 0.25 },
  ]);
});

test('a resumed file equals an uninterrupted one, byte for byte', () => {
  log({}, [1, 2, 3, 4, 5, 6]);
  const uninterrupted = readFileSync(path);
  writeFileSync(path, '');
  log({}, [1, 2, 3, 4, 5]);
  appendFileSync(path, '{"step":6,"lo');
  // The newest checkpoint is of step 3.
  log({ resumeStep: 3 }, [4, 5, 6]);
  expect(readFileSync(path).equals(uninterrupted)).toBe(true);
});

test('resuming from before the first logged step empties the file', () => {
  log({}, [5, 10]);
  log({ resumeStep: 0 }, []);
  expect(readFileSync(path, 'utf8')).toBe('');
});

test('a torn last line is cut off at opening, and not read', () => {
  log({}, [1, 2]);
  const whole = readFileSync(path);
  appendFileSync(path, '{"step":3,"loss":0.1');
  expect(readMetrics(path)).toEqual([record(1), record(2)]);
  new MetricsFile(path).dispose();
  expect(readFileSync(path).equals(whole)).toBe(true);
});

test('a file of many chunks is cut at the right byte', () => {
  const steps = Array.from({ length: 5000 }, (_, index) => index + 1);
  log({}, steps);
  log({ resumeStep: 4321 }, []);
  expect(readFileSync(path, 'utf8')).toBe(
    steps
      .slice(0, 4321)
      .map((step) => `${JSON.stringify(record(step))}\n`)
      .join(''),
  );
});

test('a broken line in the middle is refused by its number, and the file is not touched', async () => {
  writeFileSync(path, '{"step":1}\n{"step":\n{"step":3}\n');
  expect((await thrownBy(() => new MetricsFile(path, { resumeStep: 3 }))).message).toContain(
    `${path}:2: must be JSON, got `,
  );
  writeFileSync(path, '{"step":2}\n{"step":1}\n');
  expect((await thrownBy(() => readMetrics(path))).message).toBe(
    `${path}:2: must be an object with a step that is at least the previous line's, got {"step":1}; restore the file or start a new run`,
  );
  writeFileSync(path, 'x'.repeat(2 ** 20 + 1));
  expect((await thrownBy(() => new MetricsFile(path))).message).toBe(
    `${path}:1: a line must be at most 1048576 bytes; this is not a metrics file`,
  );
  expect(readFileSync(path).length).toBe(2 ** 20 + 1);
});

test('steps never go backwards', async () => {
  const file = new MetricsFile(path);
  file.append(record(2));
  expect((await thrownBy(() => file.append(record(1)))).message).toBe(
    'internal: metrics of step 1 appended after step 2',
  );
  file.dispose();
  expect((await thrownBy(() => file.append(record(3)))).message).toBe(
    `internal: ${path} was appended to after dispose`,
  );
});

test('a disk that fills up leaves whole lines', async ({ skip }) => {
  const reason = await withSmallDisk(16, async (disk) => {
    path = join(disk, 'metrics.jsonl');
    const file = new MetricsFile(path);
    let step = 0;
    const error = await thrownBy(() => {
      for (;;) file.append({ step: ++step, ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${i}`, i])) });
    });
    expect(error.code).toBe('run-failed');
    expect(readFileSync(path, 'utf8').endsWith('}\n')).toBe(true);
    expect(readMetrics(path)).toHaveLength(step - 1);
    expect(step).toBeGreaterThan(20);
    file.dispose();
  });
  skipBecause(skip, reason);
});
