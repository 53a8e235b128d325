import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import type { Random } from '../../core/index.ts';
import { createStopWatch } from '../stop-watch.ts';
import { chooseToken, type Sampling } from './sampling.ts';
import { logpsOf } from './token-logps.ts';

const { rows } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/generate/sampling.json'), 'utf8'),
) as {
  rows: {
    sampling: Partial<Omit<Sampling, 'logitBias'>> & { logitBias?: [number, number][] };
    scores: number[];
    seen: number[];
    probabilities: number[];
  }[];
};

const DRAWS = 20_000;

/** The probabilities that tokens are drawn with, from evenly spaced draws. */
function distribution(scores: readonly number[], sampling: Sampling, seen: readonly number[]): number[] {
  const counts = scores.map(() => 0);
  for (let i = 0; i < DRAWS; i++) {
    const random = { nextFloat: () => (i + 0.5) / DRAWS } as Random;
    counts[chooseToken(Float32Array.from(scores), sampling, random, { seen: new Set(seen) })]!++;
  }
  return counts.map((count) => count / DRAWS);
}

describe("draws are those of Transformers' processors", () => {
  it.each(rows.map((row) => [JSON.stringify(row.sampling), row] as const))('%s', (_name, row) => {
    const { logitBias, ...others } = row.sampling;
    const sampling = { topP: 1, temperature: 1, ...others, logitBias: new Map(logitBias) };
    const drawn = distribution(row.scores, sampling, row.seen);
    drawn.forEach((share, id) => {
      expect(Math.abs(share - row.probabilities[id]!)).toBeLessThan(2e-4);
      if (row.probabilities[id] === 0) expect(share).toBe(0);
    });
  });
});

test('the penalty moves the likeliest token too; scores stay as they were', () => {
  const scores = Float32Array.of(2, 1.9, -1);
  const random = {} as Random;
  expect(chooseToken(scores, { temperature: 0, topP: 1, repetitionPenalty: 1.2 }, random, { seen: new Set([0]) })).toBe(
    1,
  );
  expect([...scores]).toEqual([2, Math.fround(1.9), -1]);
});

test('top-k keeps the lower ids of equal ones', () => {
  const scores = [1, 1, 1, 1];
  expect(distribution(scores, { temperature: 1, topP: 1, topK: 2 }, [])).toEqual([0.5, 0.5, 0, 0]);
});

test('log-probabilities are those of the scores as they came', () => {
  const scores = Float32Array.from([0.5, 0.25, 0.125, 0.125], Math.log);
  const { logp, top } = logpsOf(scores, 2, 3);
  expect(logp).toBeCloseTo(Math.log(0.125), 6);
  expect(top.map(({ id }) => id)).toEqual([0, 1, 2]);
  expect(top[1]!.logp).toBeCloseTo(Math.log(0.25), 6);
  expect(logpsOf(scores, 0, 0).top).toEqual([]);
});

function feed(strings: readonly string[], pieces: readonly string[]) {
  const watch = createStopWatch(strings);
  return pieces.map((piece, i) => watch.push(piece, i === pieces.length - 1));
}

describe('stop strings', () => {
  it('what may become one is held back, and comes when it does not', () => {
    expect(feed(['\nUser:'], ['Hi', '\nUs', 'age', ' ends\n']).map(({ text }) => text)).toEqual([
      'Hi',
      '',
      '\nUsage',
      ' ends\n',
    ]);
  });

  it('ends before the first one, wherever it was cut', () => {
    expect(feed(['END', 'STOP'], ['a S', 'T', 'OP b END'])).toEqual([
      { text: 'a ', stopString: undefined },
      { text: '', stopString: undefined },
      { text: '', stopString: 'STOP' },
    ]);
    expect(feed(['b', 'ab'], ['xab'])).toEqual([{ text: 'x', stopString: 'ab' }]);
    expect(feed([], ['a', 'b']).map(({ text }) => text)).toEqual(['a', 'b']);
  });
});
