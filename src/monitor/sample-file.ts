import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SeenAnswer } from '../answers/index.ts';
import { badInput, isObject } from '../core/index.ts';
import { readLines } from '../files/index.ts';
import type { JudgedSample } from './sample-verdict.ts';

/** In a run's folder: one JSON object a line, a prompt with its answers before and after training. */
export const SAMPLES_FILE = 'samples.jsonl';

const LIMITS = { what: 'a file of samples', mostLineBytes: 2 ** 24 };

/** What SAMPLES_FILE holds of samples. */
export function samplesText(samples: readonly JudgedSample[]): string {
  return samples.map((sample) => `${JSON.stringify(sample)}\n`).join('');
}

/** The samples of a run's folder; undefined where it has none. Throws bad-input for a damaged file. */
export function readSamples(folder: string): JudgedSample[] | undefined {
  const path = join(folder, SAMPLES_FILE);
  if (!existsSync(path)) return undefined;
  const samples: JudgedSample[] = [];
  readLines({
    ...LIMITS,
    path,
    onLine: ({ text, line }) => {
      const sample = parsed(text);
      if (!isSample(sample))
        throw badInput({
          file: path,
          line,
          message: `must be a prompt with its answers before and after training, got ${text.slice(0, 80)}; restore the file or remove it`,
        });
      samples.push(sample);
    },
  });
  return samples;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isSample(value: unknown): value is JudgedSample {
  return (
    isObject(value) &&
    typeof value['prompt'] === 'string' &&
    isAnswer(value['before']) &&
    isAnswer(value['after']) &&
    (value['chosen'] === undefined || isAnswer(value['chosen']))
  );
}

function isAnswer(value: unknown): value is SeenAnswer {
  return isObject(value) && typeof value['text'] === 'string' && typeof value['tokens'] === 'number';
}
