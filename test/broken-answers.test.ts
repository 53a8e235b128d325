import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReportSampler } from '../src/cli/training/report-sampler.ts';
import { diagnose, readRunLog, renderVerdict, withSamples } from '../src/monitor/index.ts';
import { quickstartPairs, type QuickstartPair } from '../src/quickstart/index.ts';
import { parseSftSpecification } from '../src/specification/index.ts';
import { trainSft } from '../src/train/index.ts';
import { temporaryFolder, writeRows } from './support/tiny-model.ts';

/** Runs on the embedded model that break its answers though their loss falls, and one that does not. */
const MODEL = join(import.meta.dirname, '../assets/embedded-model');
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const { train, heldOut } = quickstartPairs(0);
const SAME = 'Thank you for your question! We will come back to you as soon as we can.';

function rowsWith(pairs: readonly QuickstartPair[], answer: string): object[] {
  return pairs.map((pair) => ({ ...pair, chosen: [{ role: 'assistant', content: answer }] }));
}

beforeAll(() => {
  writeRows(at('sound.jsonl'), train.slice(0, 96));
  writeRows(at('same.jsonl'), rowsWith(train.slice(0, 96), SAME));
  writeRows(at('held-out.jsonl'), heldOut.slice(0, 8));
});
afterAll(folder.remove);

async function runOf(name: string, options: object) {
  const warnings: string[] = [];
  const signal = new AbortController().signal;
  const specification = parseSftSpecification({
    model: MODEL,
    data: at('sound.jsonl'),
    heldOut: at('held-out.jsonl'),
    output: at(name),
    chosenOfPairs: true,
    batchSize: 16,
    microBatchTokens: 1024,
    threads: 1,
    ...options,
  });
  const { verdict } = await trainSft(specification, {
    resolve: async (named) => named,
    referenceCache: at('reference'),
    versions: {},
    isResuming: false,
    samplePrompts: (prompts) => createReportSampler(prompts, { signal, onNote: () => {} }),
    // That a run is short is not what is looked at here.
    listener: { onWarning: (text) => void (/: too few .*for most checks/.test(text) || warnings.push(text)) },
  });
  const html = readFileSync(at(name, 'report.html'), 'utf8');
  const tone = /<div class="verdict (\w+)">/.exec(html)![1]!;
  const told = verdict.samples!.findings.map(({ name: flaw, severity, after, before }) => [
    flaw,
    severity,
    after,
    before,
  ]);
  return { verdict, warnings, tone, told, html };
}

test('one answer to every prompt is told, in the verdict, in the report and by diagnose', async () => {
  const { warnings, tone, told, html } = await runOf('same', { data: at('same.jsonl'), learningRate: 5e-3, epochs: 4 });
  expect(told).toEqual([['same', 'broken', 3, 0]]);
  const sentence = '3 of 3 answers after training are the same to different prompts (before: 0 of 3)';
  expect(warnings).toEqual([expect.stringContaining(`samples: ${sentence}; look for chosen answers that are alike`)]);
  expect(tone).toBe('bad');
  expect(html).toContain(`<p class="text">${sentence}; 3 samples show little.</p>`);
  expect(html.match(/<p class="flaws">is the same as that to another prompt<\/p>/g)).toHaveLength(3);
  const { records, facts, samples } = readRunLog(at('same'));
  expect(samples!.map(({ after }) => after.text)).toEqual([SAME, SAME, SAME]);
  expect(renderVerdict(await withSamples(diagnose(records, facts), samples))).toContain(sentence);
});

test('a learning rate at which nothing is left is told by answers that repeat themselves and do not end', async () => {
  const { tone, told } = await runOf('rate', { learningRate: 0.1, maxSteps: 6 });
  expect(told).toEqual(expect.arrayContaining([expect.arrayContaining(['repeats', 'broken', 3, 0])]));
  expect(tone).toBe('bad');
});

test('a sound run says so', async () => {
  const { warnings, tone, told, html } = await runOf('sound', { learningRate: 1e-3, epochs: 2 });
  expect([told, warnings, tone]).toEqual([[], [], 'good']);
  expect(html).toContain('No fault that is looked for is in the 3 samples after training; 3 samples show little.');
});
