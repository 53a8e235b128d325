import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PreftuneError } from '../../src/core/index.ts';
import { parseDpoSpecification, parseSftSpecification } from '../../src/specification/index.ts';
import { trainDpo, trainSft, type Metrics, type RecipeContext, type RecipeResult } from '../../src/train/index.ts';

/** What a run told. */
export interface ToldRun {
  readonly result: RecipeResult;
  readonly steps: readonly Metrics[];
  readonly evaluations: readonly Metrics[];
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  /** Pairs that had their reference, each time it was told. */
  readonly references: readonly number[];
}

export interface RunOptions {
  readonly folder: string;
  readonly isResuming?: boolean;
  /** Stops after this step, as Ctrl-C does. */
  readonly stopAfter?: number;
  /** Stops when so many pairs have their reference. */
  readonly stopAtReference?: number;
  /** After each checkpoint. */
  readonly onCheckpoint?: (step: number) => void;
  /** The local time of the clock, where it is not the machine's. */
  readonly now?: string;
  /** Free memory, where it is not the machine's. */
  readonly availableBytes?: () => number;
}

async function told(options: RunOptions, train: (context: RecipeContext) => Promise<RecipeResult>): Promise<ToldRun> {
  const { folder, isResuming = false, stopAfter, stopAtReference, availableBytes, now } = options;
  const [steps, evaluations]: [Metrics[], Metrics[]] = [[], []];
  const [warnings, notes, references]: [string[], string[], number[]] = [[], [], []];
  const stop = new AbortController();
  const result = await train({
    resolve: async (named) => named,
    referenceCache: join(folder, 'reference'),
    versions: { preftune: 'test' },
    isResuming,
    ...(availableBytes === undefined ? {} : { availableBytes }),
    ...(now === undefined ? {} : { now: () => now }),
    signal: stop.signal,
    listener: {
      onReference: (done) => {
        references.push(done);
        if (stopAtReference !== undefined && done >= stopAtReference) stop.abort();
      },
      onStep: ({ step, metrics }) => {
        steps.push(metrics);
        if (step === stopAfter) stop.abort();
      },
      onEvaluation: (_step, metrics) => evaluations.push(metrics),
      ...(options.onCheckpoint && { onCheckpoint: options.onCheckpoint }),
      onWarning: (text) => warnings.push(text),
      onNote: (text) => notes.push(text),
    },
  });
  return { result, steps, evaluations, warnings, notes, references };
}

export function runDpo(given: Readonly<Record<string, unknown>>, options: RunOptions): Promise<ToldRun> {
  const specification = parseDpoSpecification({ threads: 1, ...given });
  return told(options, (context) => trainDpo(specification, context));
}

export function runSft(given: Readonly<Record<string, unknown>>, options: RunOptions): Promise<ToldRun> {
  const specification = parseSftSpecification({ threads: 1, ...given });
  return told(options, (context) => trainSft(specification, context));
}

/** The lines of metrics.jsonl without what the clock decides. */
export function metricLines(run: string): Record<string, unknown>[] {
  return readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { tokens_per_second: _speed, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return rest;
    });
}

/** Code and messages of what `work` throws. */
export async function failureOf(work: () => Promise<unknown>): Promise<{ code: string; messages: string[] }> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof PreftuneError)
      return { code: thrown.code, messages: thrown.problems.map(({ message }) => message) };
    throw thrown;
  }
  throw new Error('it must fail, and it did not');
}

export function largestDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
