import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { phasesOf, START_PHASES, type CpuProfile } from './phases.ts';

const frame = (functionName: string, file = ''): { functionName: string; url: string } => ({
  functionName,
  url: file === '' ? '' : `file:///p/dist/${file}.js`,
});

test('a phase lasts from the first sample at or below its function to the next phase, with what it waited', () => {
  const profile: CpuProfile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 3, 5, 6] },
      { id: 2, callFrame: frame('(idle)') },
      { id: 3, callFrame: frame('load', 'train/a'), children: [4] },
      { id: 4, callFrame: frame('decode', 'formats/b') },
      { id: 5, callFrame: frame('step', 'train/c') },
      // Another function of that name.
      { id: 6, callFrame: frame('step', 'train/d') },
    ],
    startTime: 1000,
    endTime: 1000 + 10e6,
    samples: [6, 2, 4, 2, 3, 5, 4, 2],
    timeDeltas: [1e6, 1e6, 1e6, 2e6, 1e6, 1e6, 1e6, 2e6],
  };
  const marks = [
    { phase: 'load', file: 'train/a', functionName: 'load' },
    { phase: 'step', file: 'train/c', functionName: 'step' },
    { phase: 'never', file: 'train/e', functionName: 'never' },
  ];
  expect(phasesOf(profile, marks)).toEqual([
    { phase: 'load modules', seconds: 3, idleSeconds: 1 },
    { phase: 'load', seconds: 4, idleSeconds: 2 },
    { phase: 'step', seconds: 3, idleSeconds: 2 },
  ]);
});

test('every function that begins a phase of the start is there', () => {
  const missing = START_PHASES.filter(({ file, functionName }) => {
    const path = new URL(`../src/${file}.ts`, import.meta.url);
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(`function ${functionName}`);
  });
  expect(missing).toEqual([]);
});
