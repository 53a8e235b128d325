import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openModel } from '../src/policy/index.ts';
import { eventsOf, kindsOf } from './support/events.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows } from './support/tiny-model.ts';
import { runDpo } from './support/training.ts';

/** A run that trained every weight is handed over, and has no adapter to hand over. */
const MODEL = join(import.meta.dirname, '..', 'assets', 'embedded-model');
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
afterAll(folder.remove);

async function fingerprint(model: string): Promise<string> {
  const { files } = await openModel(model);
  return files.checkpoint.fingerprint().finally(() => files.close());
}

it('in every form, each verified against the trained weights', { timeout: 120_000 }, async () => {
  writeRows(at('pairs.jsonl'), tinyPairs(4));
  const training = { batchSize: 2, maxSteps: 2, learningRate: 1e-4, warmupRatio: 0, samples: 0 };
  await runDpo(
    { model: MODEL, data: at('pairs.jsonl'), method: 'full', ...training, output: at('run') },
    { folder: folder.path },
  );
  const main = buildCli();
  const words = ['export', at('run'), '--to', 'hf,gguf,onnx', '--dtype', 'float32', '--output', at('all'), '--json'];
  const { code, out, err } = await preftune(main, words);
  expect([code, kindsOf(eventsOf(err))]).toEqual([0, ['load', 'done']]);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { target: string; mean: number });
  expect(lines.map(({ target }) => target)).toEqual(['hf', 'gguf', 'onnx']);
  expect(lines[0]!.mean).toBe(0);
  expect(lines[1]!.mean).toBeLessThan(0.04);
  expect(lines[2]!.mean).toBeLessThan(1e-5);
  expect(await fingerprint(at('all', 'hf'))).toBe(await fingerprint(at('run', 'model')));
  expect(await fingerprint(at('all', 'hf'))).not.toBe(await fingerprint(MODEL));
  const without = await preftune(main, ['export', at('run'), '--to', 'peft,gguf-lora', '--output', at('adapter')]);
  expect([without.code, existsSync(at('adapter'))]).toEqual([2, false]);
  expect(without.err).toMatch(/adapter/);
});
