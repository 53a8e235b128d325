import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeRows } from './support/tiny-model.ts';
import { largestDifference, runDpo, runSft } from './support/training.ts';
import { readFixture, ROWS, tokenizerFilesOf, TRL_FIXTURES } from './support/trl-tokens.ts';

/**
 * Whole runs beside TRL 1.16 on a random ChatML model, whose template ends a turn with a newline behind <|im_end|>: from texts and messages
 * through our own tokens to the loss of every step (fixtures/trl-tokens/record.py). Every weight is trained, in float32.
 */
interface Recorded {
  readonly steps: number;
  readonly batch: number;
  readonly learning_rate: number;
  readonly max_length: number;
  readonly runs: Readonly<
    Record<string, { readonly groups: readonly string[]; readonly loss: number[]; readonly grad_norm: number[] }>
  >;
}

const recorded = readFixture<Recorded>('trajectories.json');

const RUNS = {
  dpo: { objective: 'sigmoid' },
  'dpo-texts': { objective: 'sigmoid' },
  kto: { objective: 'kto' },
  sft: {},
  'sft-messages': {},
  'sft-texts': {},
} as const;

describe('whole runs beside TRL 1.16', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);

  beforeAll(() => {
    cpSync(join(TRL_FIXTURES, 'model'), at('model'), { recursive: true });
    const { json, config } = tokenizerFilesOf('chatml');
    writeFileSync(join(at('model'), 'tokenizer.json'), JSON.stringify(json));
    writeFileSync(join(at('model'), 'tokenizer_config.json'), JSON.stringify(config));
  });
  afterAll(folder.remove);

  async function losses(name: keyof typeof RUNS, output: string, more: object) {
    const { groups } = recorded.runs[name]!;
    const data = writeRows(
      at(`${name}.jsonl`),
      groups.flatMap((group) => ROWS[group]!.rows),
    );
    const given = {
      ...RUNS[name],
      ...more,
      model: at('model'),
      data,
      output: at(output),
      method: 'full',
      learningRate: recorded.learning_rate,
      batchSize: recorded.batch,
      epochs: 20,
      maxSteps: recorded.steps,
      maxLength: recorded.max_length,
      order: 'sequential',
      warmupRatio: 0,
      samples: 0,
    };
    const run = 'objective' in RUNS[name] ? runDpo : runSft;
    const { steps } = await run(given, { folder: folder.path });
    return steps;
  }

  it('without the mode other tokens are scored, and the second step shows it', async () => {
    const ours = await losses('dpo', 'preftune', {});
    const apart = ours.map(({ loss }, step) => Math.abs(loss! - recorded.runs['dpo']!.loss[step]!));
    // Before the first update both models are one: ln 2.
    expect(apart[0]).toBeLessThan(1e-6);
    expect(apart[1]).toBeGreaterThan(1e-3);
    expect(apart[1]).toBeLessThan(1e-2);
  });

  it.each(Object.keys(RUNS) as (keyof typeof RUNS)[])('%s', async (name) => {
    const { loss, grad_norm: gradients } = recorded.runs[name]!;
    const ours = await losses(name, name, { compat: 'trl-1' });
    expect(ours.length).toBe(recorded.steps);
    expect(
      largestDifference(
        ours.map(({ loss: value }) => value!),
        loss,
      ),
    ).toBeLessThan(1e-5);
    const norms = ours.map(({ grad_norm: value }, step) => value! / gradients[step]!);
    expect(
      largestDifference(
        norms,
        norms.map(() => 1),
      ),
    ).toBeLessThan(1e-4);
  });
});
