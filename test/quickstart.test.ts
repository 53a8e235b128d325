import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ended } from './support/built-cli.ts';
import { eventsOf, kindsOf } from './support/events.ts';
import { createPackedProject, type PackedProject } from './support/packed.ts';

/** The first minute of somebody who installed the package: npx preftune quickstart in a folder that holds nothing else. */
let project: PackedProject;
beforeAll(() => {
  project = createPackedProject();
});
afterAll(() => project.remove());

function at(path: string): string {
  return join(project.path, path);
}

function run(...words: string[]): Promise<Ended> {
  return project.preftune(['quickstart', ...words]);
}

interface Measured {
  accuracy: number;
  margin: number;
  answers: { questions: number; friendly: number; right: number };
}

interface Summary {
  output: string;
  trainPairs: number;
  heldOutPairs: number;
  before: Measured;
  after: Measured;
  samples: { prompt: string; before: string; after: string }[];
  files: Record<'pairs' | 'heldOut' | 'run' | 'report' | 'adapter', string>;
}

describe('preftune quickstart', () => {
  it('teaches the embedded model to prefer, and to give, friendly answers', { timeout: 900_000 }, async () => {
    const { code, out, err } = await run('--json');
    expect([code, new Set(kindsOf(eventsOf(err)))]).toEqual([0, new Set(['progress', 'done'])]);
    const summary = JSON.parse(out) as Summary;
    const { before, after, samples, files } = summary;
    expect([summary.output, summary.trainPairs, summary.heldOutPairs]).toEqual(['preftune-quickstart', 200, 40]);

    // At the start policy and reference are one: margins are 0 up to the last bits of float32.
    expect(Math.abs(before.margin)).toBeLessThan(1e-4);
    expect(after.accuracy).toBeGreaterThanOrEqual(0.95);
    expect(after.margin).toBeGreaterThan(1);
    expect(after.answers.friendly / after.answers.questions).toBeGreaterThan(0.9);
    expect(after.answers.friendly).toBeGreaterThan(before.answers.friendly);
    // What the model knew it still knows: at most one answer in ten is lost.
    expect(after.answers.right).toBeGreaterThanOrEqual(before.answers.right - after.answers.questions / 10);

    expect(samples.map(({ prompt }) => prompt)).toContain('What is the capital of France?');
    expect(samples.filter((sample) => sample.before !== sample.after).length).toBeGreaterThan(samples.length / 2);

    const pairs = readFileSync(at(files.pairs), 'utf8').trim().split('\n');
    expect(pairs.length).toBe(200);
    expect(JSON.parse(pairs[0]!)).toMatchObject({ prompt: [{ role: 'user' }], chosen: [{ role: 'assistant' }] });
    expect(readdirSync(at(files.adapter)).toSorted()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'preftune.json',
    ]);
    const report = readFileSync(at(files.report), 'utf8');
    for (const { prompt } of samples) expect(report).toContain(prompt);
    expect(report).toContain('None of 11 checks for known faults fired.');
  });

  it('answers from the adapter as it did at the end of the run', { timeout: 300_000 }, async () => {
    const model = [
      '--model',
      'node_modules/preftune/assets/embedded-model',
      '--adapter',
      'preftune-quickstart/run/adapter',
    ];
    const prompt = ['--prompt', 'What is the capital of France?', '--max-new-tokens', '96', '--json'];
    const { out } = await project.preftune(['generate', ...model, ...prompt]);
    const { completion } = JSON.parse(out) as { completion: { content: string }[] };
    const report = readFileSync(at('preftune-quickstart/run/report.html'), 'utf8');
    expect(report).toContain(completion[0]!.content.trim().replaceAll("'", '&#39;'));
  });
});

it('refuses a folder that holds files', async () => {
  const { code, out, err } = await run('--output', '.');
  const expected = 'quickstart: --output must be a new or empty folder, got ., which holds files; name another\n';
  expect([code, err, out]).toEqual([2, expected, '']);
});
