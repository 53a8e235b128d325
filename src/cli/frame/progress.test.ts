import { expect, test } from 'vitest';
import { barLine, createProgress, duration, sizeText, trainingFigures, type ProgressOptions } from './progress.ts';

const FIGURES = trainingFigures({ loss: 0.53214, accuracy: 0.714, margin: 0.4218, tokensPerSecond: 1240.4 });
const ASCII = { hasColor: false, isUnicode: false };

function line(columns: number): string {
  const state = { done: 123, total: 270, figures: FIGURES };
  return barLine({ label: 'dpo', state, secondsLeft: 130, columns, options: ASCII });
}

/** A stream that plays a terminal: what stands in its lines after every write. */
function terminal(columns: number, isLive = true, hasColor = false) {
  let now = 0;
  const writes: string[] = [];
  const options: ProgressOptions = {
    label: 'dpo',
    stream: { write: (text) => writes.push(text), columns, isTTY: isLive },
    isLive,
    hasColor,
    isUnicode: false,
    nowMs: () => now,
  };
  return { bar: createProgress(options), writes, wait: (ms: number) => (now += ms) };
}

test('the line takes the width there is, and drops the least important first', () => {
  expect([110, 90, 79, 70, 59, 49, 39, 24, 10].map(line)).toEqual([
    'dpo  ############---------------   45%  123/270  loss 0.5321  acc 0.71  margin 0.422  1,240 tok/s  2m 10s left',
    'dpo  ###----   45%  123/270  loss 0.5321  acc 0.71  margin 0.422  1,240 tok/s  2m 10s left',
    'dpo  ####-----   45%  123/270  loss 0.5321  acc 0.71  margin 0.422  2m 10s left',
    'dpo  ####-----   45%  loss 0.5321  acc 0.71  margin 0.422  2m 10s left',
    '#######----------   45%  loss 0.5321  acc 0.71  2m 10s left',
    '#######---------  45% loss 0.5321 acc 0.71 2m 10s',
    '##----  45% loss 0.5321 acc 0.71 2m 10s',
    '#####-------  45% 2m 10s',
    '45% 2m 10s',
  ]);
});

test('no width is ever exceeded', () => {
  for (let columns = 1; columns <= 160; columns++) expect(line(columns).length).toBeLessThanOrEqual(columns);
});

test('a live bar redraws at most ten times a second, in place, and never writes the last column', () => {
  const { bar, writes, wait } = terminal(60);
  for (let step = 1; step <= 100; step++) {
    bar.update({ done: step, total: 100 });
    wait(10);
  }
  expect(writes.length).toBe(10);
  for (const text of writes) {
    expect([text.startsWith('\r'), text.endsWith('\u001b[K'), text.includes('\n')]).toEqual([true, true, false]);
    expect(text.length - 4).toBeLessThanOrEqual(59);
  }
  bar.finish();
  bar.finish();
  expect(writes.slice(10)).toEqual(['\rdpo  ##############################  100%  100/100  0s left\u001b[K', '\n']);
});

test('a note stands above the bar', () => {
  const { bar, writes } = terminal(60);
  bar.update({ done: 1, total: 2 });
  bar.note('saved step 1');
  expect(writes.slice(1)).toEqual(['\r\u001b[K', 'saved step 1\n', writes[0]]);
});

test('without a terminal: a line at first, one every five seconds, and the last', () => {
  const { bar, writes, wait } = terminal(80, false);
  for (let step = 1; step <= 11; step++) {
    bar.update({ done: step, total: 11, figures: FIGURES });
    wait(1000);
  }
  bar.finish();
  expect(writes).toEqual([
    'dpo: 1/11  9%  loss 0.5321  acc 0.71  margin 0.422  1,240 tok/s\n',
    'dpo: 6/11  54%  loss 0.5321  acc 0.71  margin 0.422  1,240 tok/s  5s left\n',
    'dpo: 11/11  100%  loss 0.5321  acc 0.71  margin 0.422  1,240 tok/s  0s left\n',
  ]);
});

test('time left counts only what this process did, so that a resumed run is not too hopeful', () => {
  const { bar, writes, wait } = terminal(80, false);
  bar.update({ done: 900, total: 1000 });
  wait(10_000);
  bar.update({ done: 910, total: 1000 });
  expect(writes[1]).toBe('dpo: 910/1,000  91%  1m 30s left\n');
});

test('colour only where it is wanted', () => {
  const coloured = terminal(30, true, true);
  coloured.bar.update({ done: 1, total: 2 });
  expect(coloured.writes[0]).toBe('\rdpo \u001b[36m########\u001b[90m--------\u001b[39m  50% 1/2\u001b[K');
});

test('bytes, and totals that nobody knows', () => {
  const { bar, writes, wait } = terminal(80, false);
  bar.update({ done: 1_400_000, total: 270_000_000, unit: 'bytes' });
  wait(5000);
  bar.update({ done: 2_000_000, total: undefined, unit: 'rows' });
  expect(writes).toEqual(['dpo: 1.4 MB/270 MB  0%\n', 'dpo: 2,000,000\n']);
});

test('durations and sizes', () => {
  expect([0, 0.2, 59.9, 61, 3599, 3600, 11_220, 86_400, 187_200].map(duration)).toEqual([
    '0s',
    '1s',
    '1m 00s',
    '1m 01s',
    '59m 59s',
    '1h 00m',
    '3h 07m',
    '1d 0h',
    '2d 4h',
  ]);
  expect([0, 999, 1000, 1_440_000, 99_949_999, 269_800_000, 4_940_000_000].map(sizeText)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.4 MB',
    '99.9 MB',
    '270 MB',
    '4.9 GB',
  ]);
});
